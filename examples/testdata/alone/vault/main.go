// Vault is made on no log, and refuses.
package main

import (
	"fmt"

	"github.com/carnet-go/carnet/vault"
)

func main() {
	_, err := vault.New(nil, nil, nil)
	fmt.Println(err)
}
