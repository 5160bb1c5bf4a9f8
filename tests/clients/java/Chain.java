import java.io.BufferedReader;
import java.io.InputStreamReader;
import software.amazon.awssdk.services.sts.StsClient;

/** Says who it is by the SDK's own chain of credentials, and again for each line of its input. */
public final class Chain {
    public static void main(String[] arguments) throws Exception {
        try (StsClient client = StsClient.create()) {
            System.out.println(client.getCallerIdentity().arn());
            BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
            while (lines.readLine() != null) {
                System.out.println(client.getCallerIdentity().arn());
            }
        }
    }
}
