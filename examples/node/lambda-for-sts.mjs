// A function whose execution role may assume another role, and does so from inside.
// The trusted principal of that other role is this function's own session:
// arn:aws:sts::ACCOUNT:assumed-role/EXECUTION-ROLE/FUNCTION-NAME.
import { S3Client, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { STSClient, AssumeRoleCommand, GetCallerIdentityCommand } from "@aws-sdk/client-sts";

const sts = new STSClient({});

export const handler = async (event, context) => {
  const me = await sts.send(new GetCallerIdentityCommand({}));
  const answer = await sts.send(
    new AssumeRoleCommand({
      RoleArn: process.env.ROLE_ARN,
      RoleSessionName: context.functionName,
    }),
  );
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials;
  const s3 = new S3Client({
    credentials: {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
    },
    forcePathStyle: Boolean(process.env.AWS_ENDPOINT_URL),
  });
  const found = await s3.send(new ListObjectsV2Command({ Bucket: process.env.BUCKET }));
  return {
    i_am: me.Arn,
    i_became: answer.AssumedRoleUser.Arn,
    until: Expiration,
    keys: (found.Contents ?? []).map((item) => item.Key),
  };
};
