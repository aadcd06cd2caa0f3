package hashivault_test

import (
	"context"
	"fmt"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

func Example() {
	ctx := context.Background()
	server := vaulttest.StartHashi() // stands for a real one
	defer server.Close()
	server.Put("secret/crm", map[string]string{"key": "k3y"})
	server.DatabaseRole("payroll", 4*time.Minute, time.Hour)
	id := server.AppRole("payroll", 0, 0, "secret/crm", "database/creds/payroll")
	wrapped := auth.NewSecret([]byte(server.WrappedSecretID("payroll")))

	login := hashivault.Login{RoleID: id, Wrapped: wrapped, Role: "payroll"}
	v, err := hashivault.New(ctx, server.URL, login, &hashivault.Options{RootCAs: server.RootCAs()})
	if err != nil {
		fmt.Println(err)
		return
	}
	stored, err := v.Issue(ctx, "secret/crm")
	fmt.Println(stored.Version, stored.Fields, err)
	made, err := v.Issue(ctx, "database/creds/payroll")
	fmt.Println(made.TTL, made.Fields, err)
	fmt.Println(server.Tokens(), server.Leases())

	fmt.Println(v.Close(ctx))
	fmt.Println(server.Tokens(), server.Leases())

	_, err = hashivault.New(ctx, server.URL, login, &hashivault.Options{RootCAs: server.RootCAs()})
	fmt.Println(err)
	// Output:
	// 1 map[key:[secret]] <nil>
	// 4m0s map[password:[secret] username:[secret]] <nil>
	// 1 1
	// <nil>
	// 0 0
	// auth: denied: the wrapping token is used up or not valid; somebody else may have the secret id
}

func ExampleExcess() {
	server := vaulttest.StartHashi()
	defer server.Close()
	id := server.AppRole("payroll", 0, 0, "secret/crm")
	server.Grant("payroll", "secret/*", "list", "delete")
	login := hashivault.Login{RoleID: id, SecretID: auth.NewSecret([]byte(server.SecretID("payroll")))}
	ctx := context.Background()
	v, err := hashivault.New(ctx, server.URL, login, &hashivault.Options{RootCAs: server.RootCAs()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close(ctx)
	granted, err := v.Capabilities(ctx, []string{"secret/crm"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hashivault.Excess(granted, nil))
	// Output:
	// V104 delete is granted at secret/data/crm
	// V105 list is granted: the names of other secrets are shown at secret/data/crm
	// V104 delete is granted at secret/metadata/crm
	// V105 list is granted: the names of other secrets are shown at secret/metadata/crm
}
