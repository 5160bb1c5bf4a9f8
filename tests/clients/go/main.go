// Assumes a role with the AWS SDK for Go v2, and prints what it saw.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

func main() {
	ctx, role := context.Background(), os.Args[1]
	if command := os.Getenv("CREDENTIAL_PROCESS"); command != "" {
		byProcess(ctx, command)
		return
	}
	mine := client(credentials.NewStaticCredentialsProvider(
		os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), ""))
	me, err := mine.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	check(err)
	assumed := aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(mine, role,
		func(options *stscreds.AssumeRoleOptions) { options.RoleSessionName = "from-go" }))
	who, err := client(assumed).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	check(err)
	session, err := assumed.Retrieve(ctx)
	check(err)
	absent, name := role+"-absent", "from-go"
	_, err = mine.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &absent, RoleSessionName: &name})
	var refused smithy.APIError
	if !errors.As(err, &refused) {
		check(fmt.Errorf("not refused as the API refuses: %v", err))
	}
	forged := client(credentials.NewStaticCredentialsProvider(
		session.AccessKeyID, "wrong", session.SessionToken))
	_, err = forged.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	var mismatch smithy.APIError
	if !errors.As(err, &mismatch) {
		check(fmt.Errorf("not refused as the API refuses: %v", err))
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"me": *me.Arn, "arn": *who.Arn, "refusal": refused.ErrorCode(),
		"mismatch": mismatch.ErrorCode(), "expires": session.Expires.Unix(),
	}))
}

// Asks twice who it is, the second time when the first credentials are over.
func byProcess(ctx context.Context, command string) {
	mine := client(aws.NewCredentialsCache(processcreds.NewProvider(command)))
	wait, err := time.ParseDuration(os.Args[1])
	check(err)
	for _, pause := range []time.Duration{0, wait} {
		time.Sleep(pause)
		_, err := mine.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		check(err)
	}
}

func client(provider aws.CredentialsProvider) *sts.Client {
	options := sts.Options{Region: os.Getenv("AWS_REGION"), Credentials: provider}
	if url := os.Getenv("AWS_ENDPOINT_URL"); url != "" {
		options.BaseEndpoint = aws.String(url)
	}
	return sts.New(options)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
