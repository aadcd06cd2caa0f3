// Residency: the same help desk in three jurisdictions, and customers of a bank whose data
// may be in two of them. Which of the three gets what is known before anybody has sent
// anything.
//
//	go run ./examples/residency
//
// It tries the same mapping for each desk (Mapper.For), three times. As it is: the third
// desk is refused, at the line that would send it something. Then with a token: it is still
// refused, because no transform lowers a label by itself. Then the owner of the data has
// released the token: he alone can, in his schema, and what the third desk gets is a token.
package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/carnet-go/carnet/mapping"
)

var (
	//go:embed customer.jsonc
	customer []byte
	//go:embed customer-released.jsonc
	customerReleased []byte
	//go:embed case.jsonc
	deskCase []byte
	//go:embed customer-to-case.jsonc
	customerToCase []byte
	//go:embed customer-to-case-token.jsonc
	customerToCaseToken []byte
)

// somebody is a customer who asks.
const somebody = `{"iban": "CH9300762011623852957", "question": "loan"}`

// desk is one of the three. Its jurisdictions are all in which it processes, stores or
// supports: a desk in the EU whose night shift sits elsewhere has two, and needs both.
func desk(name string, jurisdictions ...string) mapping.Destination {
	return mapping.Destination{
		System: name, Kind: "api", Jurisdictions: jurisdictions,
		Clearance: mapping.Clearance{Class: mapping.Confidential, Purposes: []string{"support"}},
	}
}

func desks() []mapping.Destination {
	return []mapping.Destination{desk("desk-eu", "eu"), desk("desk-ch", "ch"), desk("desk-us", "us")}
}

// attempt is a mapping under what the owner says at that time.
type attempt struct {
	title  string
	source []byte
	file   string // of the mapping, for findings
	text   []byte
}

func attempts() []attempt {
	const plain, token = "customer-to-case.jsonc", "customer-to-case-token.jsonc"
	return []attempt{
		{"The desk gets the IBAN:", customer, plain, customerToCase},
		{"The desk gets a token, which nobody has released:", customer, token, customerToCaseToken},
		{"The desk gets a token, which its owner has released:", customerReleased, token, customerToCaseToken},
	}
}

// compile proves the mapping for the first desk; for the others Mapper.For does.
func (a attempt) compile() (*mapping.Mapper, error) {
	src, err := mapping.ParseSchema(a.source)
	if err != nil {
		return nil, err
	}
	dst, err := mapping.ParseSchema(deskCase)
	if err != nil {
		return nil, err
	}
	m, err := mapping.Compile(src, dst, a.text, desks()[0])
	return m, a.within(err)
}

// within says in which file findings are: who compiles bytes knows only their lines.
func (a attempt) within(err error) error {
	found, ok := errors.AsType[mapping.Findings](err)
	if !ok {
		return err
	}
	for i := range found {
		found[i].File = a.file
	}
	return found
}

// row is what becomes of one desk: what it is sent and as what, or why it may not have it.
func (a attempt) row(ctx context.Context, m *mapping.Mapper, to mapping.Destination, keys mapping.KeySource) (string, error) {
	m, err := m.For(to)
	if err != nil {
		why := strings.ReplaceAll(a.within(err).Error(), "\n", "; ")
		return fmt.Sprintf("  %s\tmay not\t-\t%s\n", to.System, why), nil
	}
	record, err := m.Map(ctx, m.Source().Document([]byte(somebody)), keys)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("  %s\tmay\t%s\t%s\n", to.System, record.AppendBody(nil), leaves(m)), nil
}

// leaves is the label of all that leaves, and until when the release holds, if there is one.
func leaves(m *mapping.Mapper) string {
	if m.NotAfter().IsZero() {
		return m.Label().String()
	}
	return m.Label().String() + ", before " + m.NotAfter().Format(time.DateOnly)
}

// key is one of this process alone. A service has package vault keep its keys, so that
// tokens of today are those of tomorrow.
type key []byte

// UseKey is for mapping.KeySource.
func (k key) UseKey(_ context.Context, _ string, use func(version string, key []byte) error) error {
	return use("k1", k)
}

func run(ctx context.Context, out io.Writer, keys mapping.KeySource) error {
	for _, a := range attempts() {
		m, err := a.compile()
		if err != nil {
			return err
		}
		fmt.Fprintln(out, a.title)
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, to := range desks() {
			row, err := a.row(ctx, m, to, keys)
			if err != nil {
				return err
			}
			fmt.Fprint(table, row)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := run(context.Background(), os.Stdout, key(rand.Text())); err != nil {
		fmt.Fprintln(os.Stderr, "residency:", err)
		os.Exit(1)
	}
}
