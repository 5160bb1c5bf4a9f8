// A program of its own that assumes a role and calls a Function URL with AuthType AWS_IAM:
// node call-function-url.mjs ROLE_ARN URL
import { STSClient, AssumeRoleCommand } from "@aws-sdk/client-sts";
import { SignatureV4 } from "@smithy/signature-v4";
import { Sha256 } from "@aws-crypto/sha256-js";

const [roleArn, address] = process.argv.slice(2);
const url = new URL(address);

const { Credentials } = await new STSClient({}).send(
  new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: "call-function-url-js" }),
);
const signer = new SignatureV4({
  service: "lambda",
  region: process.env.AWS_REGION,
  sha256: Sha256,
  credentials: {
    accessKeyId: Credentials.AccessKeyId,
    secretAccessKey: Credentials.SecretAccessKey,
    sessionToken: Credentials.SessionToken,
  },
});
const signed = await signer.sign({
  method: "GET",
  protocol: url.protocol,
  hostname: url.hostname,
  path: url.pathname,
  query: Object.fromEntries(url.searchParams),
  headers: { host: url.host },
});
const answer = await fetch(url, { headers: signed.headers });
console.log(await answer.text());
process.exitCode = answer.ok ? 0 : 1;
