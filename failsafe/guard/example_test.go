package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/carnet-go/carnet/failsafe/guard"
)

// A far side that fails is asked again where that does no harm, and left alone when it
// goes on failing.
func Example() {
	calls := 0
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer far.Close()

	crm, err := guard.New("crm", &guard.Options{Failures: 4, Changed: func(name string, from, to guard.State) {
		fmt.Println(name, "was", from, "and is", to)
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: crm.Transport(nil)}
	for range 3 {
		response, err := client.Get(far.URL)
		if err != nil {
			fmt.Println(guard.Classify(err)) // not its text: net/http quotes the URL
			continue
		}
		response.Body.Close()
		fmt.Println(response.StatusCode, "after", calls, "calls")
	}
	// Output:
	// 503 after 3 calls
	// crm was closed and is open
	// 503 after 4 calls
	// rejected
}

// refusal is an error that says what it means.
type refusal struct{}

func (refusal) Error() string        { return "no such right" }
func (refusal) FailureClass() string { return "denied" }

// What an error says of itself decides, and of joined errors the most severe.
func ExampleClassify() {
	fmt.Println(guard.Classify(errors.New("please try again")))
	fmt.Println(guard.Classify(fmt.Errorf("push: %w", refusal{})))
	fmt.Println(guard.Classify(errors.Join(context.DeadlineExceeded, refusal{})))
	// Output:
	// permanent
	// denied
	// denied
}

// Whoever repeats on their own asks the guard before each repetition.
func ExampleGuard_Again() {
	crm, err := guard.New("crm", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for n := 1; ; n++ {
		_, err := guard.Do(ctx, crm, func(context.Context) (string, error) { return "", refusal{} })
		if err = crm.Again(ctx, n, err); err != nil {
			fmt.Println(n, err)
			break
		}
	}
	// Output:
	// 1 no such right
}
