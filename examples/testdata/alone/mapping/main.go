// Mapping reads a document strictly.
package main

import (
	"fmt"

	"github.com/carnet-go/carnet/mapping"
)

func main() {
	var v struct{ Name string }
	fmt.Println(mapping.Opaque([]byte(`{"name":"Ada"}`)).Decode(&v), v.Name)
}
