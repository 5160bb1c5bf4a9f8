// A program of its own that assumes a role and lists a bucket: node list-bucket.mjs ROLE_ARN BUCKET
// Its own credentials, and the endpoint, come from where every AWS tool looks.
import { S3Client, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { STSClient, AssumeRoleCommand } from "@aws-sdk/client-sts";

const [roleArn, bucket] = process.argv.slice(2);

const answer = await new STSClient({}).send(
  new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: "list-bucket-js" }),
);
const s3 = new S3Client({
  credentials: {
    accessKeyId: answer.Credentials.AccessKeyId,
    secretAccessKey: answer.Credentials.SecretAccessKey,
    sessionToken: answer.Credentials.SessionToken,
  },
  // bucket.localhost does not resolve everywhere; localhost/bucket does.
  forcePathStyle: Boolean(process.env.AWS_ENDPOINT_URL),
});
const found = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
console.log(
  JSON.stringify({
    as: answer.AssumedRoleUser.Arn,
    keys: (found.Contents ?? []).map((item) => item.Key),
  }),
);
