package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"strconv"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// literal is a number with all its digits, as either package has it.
type literal interface{ json.Number | jsontext.Value }

// order is what a mapping by hand reads of the document: the fields that it uses. What
// else is there it skips, which is faster than to look at it.
type order[N literal] struct {
	ID       int64  `json:"id"`
	Number   string `json:"orderNumber"`
	Customer struct {
		Number   int64  `json:"number"`
		Given    string `json:"given"`
		Family   string `json:"family"`
		Born     string `json:"born"`
		Language string `json:"language"`
		VIP      bool   `json:"vip"`
	} `json:"customer"`
	Address address   `json:"address"`
	Created time.Time `json:"created"`
	Paid    int64     `json:"paid"`
	Total   N         `json:"total"`
	Weight  string    `json:"weight"`
	Status  string    `json:"status"`
	SSN     string    `json:"ssn"`
	Email   string    `json:"email"`
	Tags    []string  `json:"tags"`
}

type address struct {
	Street  string `json:"street"`
	City    string `json:"city"`
	Code    string `json:"code"`
	Country string `json:"country"`
}

// shipment is what it writes.
type shipment struct {
	ID        string   `json:"id"`
	Reference string   `json:"reference"`
	Customer  int64    `json:"customer"`
	Name      fullName `json:"name"`
	Year      int      `json:"year"`
	Language  string   `json:"language"`
	VIP       bool     `json:"vip"`
	To        address  `json:"to"`
	Created   int64    `json:"created"`
	Paid      string   `json:"paid"`
	Total     string   `json:"total"`
	Weight    float64  `json:"weight"`
	State     string   `json:"state"`
	SSN       string   `json:"ssn"`
	Email     string   `json:"email"`
	Tags      []string `json:"tags"`
	Subject   string   `json:"subject,omitzero"`
	Payer     string   `json:"payer,omitzero"`
}

type fullName struct {
	First string `json:"first"`
	Last  string `json:"last"`
}

var errOrder = errors.New("not an order")

func (o *order[N]) shipment() (s shipment, err error) {
	born, err := time.Parse(time.DateOnly, o.Customer.Born)
	if err != nil {
		return s, errOrder
	}
	weight, err := strconv.ParseFloat(o.Weight, 64)
	if err != nil || len(o.SSN) < 8 {
		return s, errOrder
	}
	state, err := stateOf(o.Status)
	return shipment{
		ID: strconv.FormatInt(o.ID, 10), Reference: o.Number, Customer: o.Customer.Number,
		Name: fullName{o.Customer.Given, o.Customer.Family}, Year: born.Year(), Language: o.Customer.Language, VIP: o.Customer.VIP, To: o.Address,
		Created: o.Created.Unix(), Paid: time.Unix(o.Paid, 0).UTC().Format(time.RFC3339), Total: string(o.Total), Weight: weight,
		State: state, SSN: "****" + o.SSN[len(o.SSN)-4:], Email: maskedEmail(o.Email), Tags: o.Tags,
	}, err
}

func stateOf(status string) (string, error) {
	switch status {
	case "new", "paid":
		return "open", nil
	case "sent":
		return "done", nil
	default:
		return "", errOrder
	}
}

func maskedEmail(text string) string {
	domain := text[strings.LastIndexByte(text, '@')+1:]
	if domain != "acme.example" {
		domain = "****"
	}
	return "****@" + domain
}

// byHand maps with encoding/json.
func byHand(raw []byte) ([]byte, error) {
	var o order[json.Number]
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, err
	}
	s, err := o.shipment()
	if err != nil {
		return nil, err
	}
	return json.Marshal(&s)
}

// byHandV2 maps with the same types and the package that encoding/json/v2 is made of,
// because the standard library has that only as an experiment.
func byHandV2(raw []byte) ([]byte, error) {
	var o order[jsontext.Value]
	if err := jsonv2.Unmarshal(raw, &o); err != nil {
		return nil, err
	}
	s, err := o.shipment()
	if err != nil {
		return nil, err
	}
	return jsonv2.Marshal(&s)
}

// byHandWithTokens is byHand, with the two tokens that tokensToo adds.
func byHandWithTokens(raw, key []byte) ([]byte, error) {
	var o order[json.Number]
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, err
	}
	s, err := o.shipment()
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	s.Subject, s.Payer = tokenOf(mac, "/ssn", o.SSN), tokenOf(mac, "/email", o.Email)
	return json.Marshal(&s)
}

// tokenOf is what token.hmac makes.
func tokenOf(mac hash.Hash, path, value string) string {
	mac.Reset()
	for _, part := range [...]string{tokenKey, "order", path, keyVersion, value} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		_, _ = mac.Write(size[:])
		_, _ = io.WriteString(mac, part)
	}
	return "tk1." + keyVersion + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}
