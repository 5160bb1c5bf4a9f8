// Says who it is by the SDK's own chain of credentials, and again for each line of its input.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	ctx := context.Background()
	found, err := config.LoadDefaultConfig(ctx)
	check(err)
	client := sts.NewFromConfig(found)
	say(ctx, client)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		say(ctx, client)
	}
}

func say(ctx context.Context, client *sts.Client) {
	me, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	check(err)
	fmt.Println(*me.Arn)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
