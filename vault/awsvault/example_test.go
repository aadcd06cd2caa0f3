package awsvault_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/awsvault"
)

// Secrets Manager is on loopback here; without Endpoint it is that of the region.
func Example() {
	ctx := context.Background()
	stage := "AWSCURRENT"
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed := strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
		fmt.Println(r.Header.Get("X-Amz-Target"), signed)
		_, _ = fmt.Fprintf(w, `{"Name": "prod/erp/db", "VersionId": "6f1d7a52", "VersionStages": [%q],
			"SecretString": "{\"username\": \"payroll\", \"password\": \"s3cret\", \"port\": 5432}"}`, stage)
	}))
	defer aws.Close()

	b, err := awsvault.New("eu-central-1", awsvault.Credentials{Keys: &awsvault.Keys{
		AccessKeyID:     auth.NewSecret([]byte("AKIDEXAMPLE")),
		SecretAccessKey: auth.NewSecret([]byte("wJalrXUtnFEMI")),
	}}, &awsvault.Options{Prefix: "prod/", Endpoint: aws.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close(ctx)

	issued, err := b.Issue(ctx, "erp/db")
	fmt.Println(issued.Version, issued.Fields, issued.Fields["password"].Equal([]byte("s3cret")), err)

	stage = "AWSPENDING" // what is being rotated in may not work yet
	_, err = b.Issue(ctx, "erp/db")
	fmt.Println(err)
	// Output:
	// secretsmanager.GetSecretValue true
	// 6f1d7a52 map[password:[secret] port:[secret] username:[secret]] true <nil>
	// secretsmanager.GetSecretValue true
	// auth: unavailable
}
