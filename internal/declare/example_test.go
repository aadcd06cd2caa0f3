package declare_test

import (
	"fmt"
	"time"

	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping"
)

func Example() {
	var rule struct {
		Name   string
		MaxAge time.Duration
	}
	_, problems := declare.Read("rule.jsonc", []byte(`{
  "name": "recent", // of the login
  "maxage": "15m",
}`), &rule)
	for _, problem := range problems {
		fmt.Println(mapping.Finding(problem))
	}
	// Output: rule.jsonc:3:3: D105 unknown member; did you mean "max_age"?
}
