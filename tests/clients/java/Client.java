import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider;
import software.amazon.awssdk.auth.credentials.ProcessCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.services.sts.StsClient;
import software.amazon.awssdk.services.sts.auth.StsAssumeRoleCredentialsProvider;
import software.amazon.awssdk.services.sts.model.StsException;

/** Assumes a role with the AWS SDK for Java 2, and prints what it saw. */
public final class Client {
    public static void main(String[] arguments) throws InterruptedException {
        String role = arguments[0];
        if (System.getenv("CREDENTIAL_PROCESS") != null) {
            byProcess(System.getenv("CREDENTIAL_PROCESS"), Long.parseLong(role));
            return;
        }
        StsClient mine = client(EnvironmentVariableCredentialsProvider.create());
        StsAssumeRoleCredentialsProvider assumed = StsAssumeRoleCredentialsProvider.builder()
                .stsClient(mine)
                .refreshRequest(request -> request.roleArn(role).roleSessionName("from-java"))
                .build();
        AwsSessionCredentials session = (AwsSessionCredentials) assumed.resolveCredentials();
        AwsSessionCredentials forged = AwsSessionCredentials.create(
                session.accessKeyId(), "wrong", session.sessionToken());
        System.out.printf(
                "{\"me\":\"%s\",\"arn\":\"%s\",\"refusal\":\"%s\",\"mismatch\":\"%s\",\"expires\":%d}%n",
                mine.getCallerIdentity().arn(),
                client(assumed).getCallerIdentity().arn(),
                codeOf(() -> mine.assumeRole(request ->
                        request.roleArn(role + "-absent").roleSessionName("from-java"))),
                codeOf(() -> client(StaticCredentialsProvider.create(forged)).getCallerIdentity()),
                session.expirationTime().orElseThrow().getEpochSecond());
    }

    /** Asks twice who it is, the second time when the first credentials are over. */
    private static void byProcess(String command, long wait) throws InterruptedException {
        StsClient mine = client(ProcessCredentialsProvider.builder().command(command).build());
        mine.getCallerIdentity();
        Thread.sleep(wait);
        mine.getCallerIdentity();
    }

    /** Region and endpoint come from the environment. */
    private static StsClient client(AwsCredentialsProvider provider) {
        return StsClient.builder().credentialsProvider(provider).build();
    }

    private static String codeOf(Runnable call) {
        try {
            call.run();
        } catch (StsException refused) {
            return refused.awsErrorDetails().errorCode();
        }
        return "";
    }
}
