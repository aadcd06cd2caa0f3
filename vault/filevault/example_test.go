package filevault_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/filevault"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "filevault")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	key, err := filevault.NewIdentity()
	if err != nil {
		fmt.Println(err)
		return
	}
	file := filevault.File{Path: filepath.Join(dir, "secrets.age"), Identity: key}
	fmt.Println(file.Create(ctx))
	fmt.Println(file.Set(ctx, "crm/api", map[string]auth.Secret{"key": auth.NewSecret([]byte("k3y"))}))

	issued, err := file.Issue(ctx, "crm/api")
	fmt.Println(issued.Version, issued.Fields, issued.Fields["key"].Equal([]byte("k3y")), err)

	other, err := filevault.NewIdentity()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(filevault.File{Path: file.Path, Identity: other}.Check())
	// Output:
	// <nil>
	// <nil>
	// 1 map[key:[secret]] true <nil>
	// auth: denied: the identity or passphrase does not open the file
}
