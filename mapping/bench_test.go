package mapping_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/mapping"
)

// The document has 2 KB, 20 fields that are mapped, and others that are not. The structs
// refuse nothing; the mapping refuses all that it is there to refuse.

const benchSource = `{
  "title": "order", "type": "object", "additionalProperties": false,
  "required": ["id", "customer", "address", "lines", "created", "paid", "total", "status", "ssn", "card", "email", "tags"],
  "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]},
  "properties": {
    "id": {"type": "integer", "minimum": 0},
    "reference": {"type": "string", "maxLength": 40},
    "customer": {"type": "object", "additionalProperties": false, "required": ["number", "given", "family", "born", "language"], "properties": {
      "number": {"type": "integer", "minimum": 0}, "given": {"type": "string", "maxLength": 100}, "family": {"type": "string", "maxLength": 100},
      "born": {"type": "string", "format": "date"}, "language": {"type": "string", "maxLength": 5}, "vip": {"type": "boolean"}
    }},
    "address": {"type": "object", "additionalProperties": false, "required": ["street", "city", "code", "country"], "properties": {
      "street": {"type": "string", "maxLength": 200}, "city": {"type": "string", "maxLength": 100}, "code": {"type": "string", "maxLength": 20},
      "country": {"type": "string", "maxLength": 2}, "note": {"type": "string", "maxLength": 500}
    }},
    "lines": {"type": "array", "maxItems": 50, "items": {"type": "object", "additionalProperties": false, "required": ["sku", "count", "price"], "properties": {
      "sku": {"type": "string", "maxLength": 40}, "count": {"type": "integer", "minimum": 1, "maximum": 1000}, "price": {"type": "number", "scale": 2, "minimum": 0}, "text": {"type": "string", "maxLength": 200}
    }}},
    "created": {"type": "string", "format": "date-time"}, "paid": {"type": "integer", "minimum": 0, "maximum": 4102444800},
    "total": {"type": "number", "scale": 2, "minimum": 0, "maximum": 9999999}, "weight": {"type": "number", "scale": 3, "minimum": 0, "maximum": 9999},
    "status": {"type": "string", "enum": ["new", "paid", "sent"]}, "ssn": {"type": "string", "maxLength": 11}, "card": {"type": "string", "maxLength": 19},
    "email": {"type": "string", "format": "email"}, "tags": {"type": "array", "maxItems": 20, "items": {"type": "string", "maxLength": 30}},
    "gift": {"type": "boolean"}, "comment": {"type": "string", "maxLength": 1000}, "internal": {"type": "string", "maxLength": 1000}
  }
}`

const benchDestination = `{
  "title": "shipment", "type": "object", "additionalProperties": false,
  "required": ["id", "name", "to"],
  "properties": {
    "id": {"type": "string", "maxLength": 20}, "reference": {"type": "string", "maxLength": 40}, "customer": {"type": "integer"},
    "name": {"type": "object", "additionalProperties": false, "required": ["first", "last"], "properties": {"first": {"type": "string", "maxLength": 100}, "last": {"type": "string", "maxLength": 100}}},
    "year": {"type": "integer"}, "language": {"type": "string", "maxLength": 5}, "vip": {"type": "boolean"},
    "to": {"type": "object", "additionalProperties": false, "required": ["street", "city", "code", "country"], "properties": {
      "street": {"type": "string", "maxLength": 200}, "city": {"type": "string", "maxLength": 100}, "code": {"type": "string", "maxLength": 20}, "country": {"type": "string", "maxLength": 2}}},
    "created": {"type": "integer"}, "paid": {"type": "string", "format": "date-time"}, "total": {"type": "string", "maxLength": 20}, "weight": {"type": "number", "scale": 3},
    "state": {"type": "string", "enum": ["open", "done"]}, "ssn": {"type": "string", "maxLength": 20}, "card": {"type": "string", "maxLength": 20},
    "email": {"type": "string", "maxLength": 40}, "tags": {"type": "array", "maxItems": 20, "items": {"type": "string", "maxLength": 30}}, "gift": {"type": "boolean"}
  }
}`

const benchMapping = `{
  "mapping": "order-to-shipment", "from": "order", "to": "shipment",
  "set": {
    "/id": {"from": "/id", "do": [{"int.to_string": {}}]}, "/reference": {"from": "/reference"}, "/customer": {"from": "/customer/number"},
    "/name/first": {"from": "/customer/given"}, "/name/last": {"from": "/customer/family"}, "/year": {"from": "/customer/born", "do": [{"date.year": {}}]},
    "/language": {"from": "/customer/language"}, "/vip": {"from": "/customer/vip"},
    "/to/street": {"from": "/address/street"}, "/to/city": {"from": "/address/city"}, "/to/code": {"from": "/address/code"}, "/to/country": {"from": "/address/country"},
    "/created": {"from": "/created", "do": [{"time.to_unix": {}}]}, "/paid": {"from": "/paid", "do": [{"unix.to_time": {}}]},
    "/total": {"from": "/total", "do": [{"number.to_string": {}}]}, "/weight": {"from": "/weight"},
    "/state": {"from": "/status", "do": [{"enum": {"map": {"new": "open", "paid": "open", "sent": "done"}}}]},
    "/ssn": {"from": "/ssn", "do": [{"mask.keep_last": {"n": 4}}]}, "/card": {"from": "/card", "do": [{"mask.keep_last": {"n": 4}}]},
    "/email": {"from": "/email", "do": [{"mask.email": {"domains": ["acme.example"]}}]}, "/tags": {"from": "/tags"}, "/gift": {"from": "/gift"}
  },
  "drop": {"/address/note": "not needed", "/lines": "not needed", "/comment": "not needed", "/internal": "not needed"}
}`

var benchDocument = []byte(`{"id":9007199254740993,"reference":"PO-2026-000451","customer":{"number":47110815,"given":"Zoë","family":"Åström-Lindqvist","born":"1984-02-29","language":"sv","vip":true},` +
	`"address":{"street":"Götgatan 101, 3 tr","city":"Stockholm","code":"116 62","country":"SE","note":"` + strings.Repeat("Leave it at the door. ", 12) + `"},` +
	`"lines":[` + strings.Repeat(`{"sku":"A-4711-08","count":2,"price":149.90,"text":"A thing that somebody ordered"},`, 5) + `{"sku":"B-1","count":1,"price":9.00}],` +
	`"created":"2026-03-01T12:30:45.123Z","paid":1772368245,"total":1508.90,"weight":12.125,"status":"paid","ssn":"078-05-1120","card":"4111111111111111","email":"zoe@acme.example",` +
	`"tags":["priority","fragile","returning customer"],"gift":false,"comment":"` + strings.Repeat("Please wrap it well, it is fragile. ", 14) + `","internal":"` + strings.Repeat("nothing to see ", 15) + `"}`)

func benchMapper(t testing.TB) (*mapping.Mapper, mapping.Document) {
	to := mapping.Destination{System: "carrier", Kind: "api", Jurisdictions: []string{"eu"}, Clearance: mapping.Clearance{Class: mapping.Internal, Purposes: []string{"delivery"}}}
	m := compile(t, benchSource, benchDestination, benchMapping, to)
	return m, m.Source().Document(benchDocument)
}

func BenchmarkMap(b *testing.B) {
	m, doc := benchMapper(b)
	b.SetBytes(int64(len(benchDocument)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Map(b.Context(), doc, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMapInto(b *testing.B) {
	m, doc := benchMapper(b)
	var r mapping.Record
	b.SetBytes(int64(len(benchDocument)))
	b.ReportAllocs()
	for b.Loop() {
		if err := m.MapInto(b.Context(), doc, nil, &r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	_, doc := benchMapper(b)
	b.SetBytes(int64(len(benchDocument)))
	b.ReportAllocs()
	for b.Loop() {
		if err := doc.Check(); err != nil {
			b.Fatal(err)
		}
	}
}

type benchOrder struct {
	ID        int64  `json:"id"`
	Reference string `json:"reference"`
	Customer  struct {
		Number   int64  `json:"number"`
		Given    string `json:"given"`
		Family   string `json:"family"`
		Born     string `json:"born"`
		Language string `json:"language"`
		VIP      bool   `json:"vip"`
	} `json:"customer"`
	Address struct {
		Street  string `json:"street"`
		City    string `json:"city"`
		Code    string `json:"code"`
		Country string `json:"country"`
		Note    string `json:"note"`
	} `json:"address"`
	Lines []struct {
		SKU   string      `json:"sku"`
		Count int         `json:"count"`
		Price json.Number `json:"price"`
		Text  string      `json:"text"`
	} `json:"lines"`
	Created  time.Time   `json:"created"`
	Paid     int64       `json:"paid"`
	Total    json.Number `json:"total"`
	Weight   json.Number `json:"weight"`
	Status   string      `json:"status"`
	SSN      string      `json:"ssn"`
	Card     string      `json:"card"`
	Email    string      `json:"email"`
	Tags     []string    `json:"tags"`
	Gift     bool        `json:"gift"`
	Comment  string      `json:"comment"`
	Internal string      `json:"internal"`
}

type benchShipment struct {
	ID        string `json:"id"`
	Reference string `json:"reference"`
	Customer  int64  `json:"customer"`
	Name      struct {
		First string `json:"first"`
		Last  string `json:"last"`
	} `json:"name"`
	Year     int    `json:"year"`
	Language string `json:"language"`
	VIP      bool   `json:"vip"`
	To       struct {
		Street  string `json:"street"`
		City    string `json:"city"`
		Code    string `json:"code"`
		Country string `json:"country"`
	} `json:"to"`
	Created int64       `json:"created"`
	Paid    string      `json:"paid"`
	Total   string      `json:"total"`
	Weight  json.Number `json:"weight"`
	State   string      `json:"state"`
	SSN     string      `json:"ssn"`
	Card    string      `json:"card"`
	Email   string      `json:"email"`
	Tags    []string    `json:"tags"`
	Gift    bool        `json:"gift"`
}

func byHand(raw []byte) ([]byte, error) {
	var in benchOrder
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	born, err := time.Parse(time.DateOnly, in.Customer.Born)
	if err != nil {
		return nil, err
	}
	out := benchShipment{
		ID: strconv.FormatInt(in.ID, 10), Reference: in.Reference, Customer: in.Customer.Number, Year: born.Year(), Language: in.Customer.Language, VIP: in.Customer.VIP,
		Created: in.Created.Unix(), Paid: time.Unix(in.Paid, 0).UTC().Format(time.RFC3339), Total: in.Total.String(), Weight: in.Weight,
		State: map[string]string{"new": "open", "paid": "open", "sent": "done"}[in.Status],
		SSN:   "****" + in.SSN[len(in.SSN)-4:], Card: "****" + in.Card[len(in.Card)-4:], Email: "****" + in.Email[strings.IndexByte(in.Email, '@'):], Tags: in.Tags, Gift: in.Gift,
	}
	out.Name.First, out.Name.Last = in.Customer.Given, in.Customer.Family
	out.To.Street, out.To.City, out.To.Code, out.To.Country = in.Address.Street, in.Address.City, in.Address.Code, in.Address.Country
	return json.Marshal(out)
}

func BenchmarkByHand(b *testing.B) {
	b.SetBytes(int64(len(benchDocument)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := byHand(benchDocument); err != nil {
			b.Fatal(err)
		}
	}
}

// TestBenchmarksDoTheSame: otherwise they compare nothing.
func TestBenchmarksDoTheSame(t *testing.T) {
	m, doc := benchMapper(t)
	record, err := m.Map(t.Context(), doc, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := byHand(benchDocument)
	if got := body(t, record); err != nil || got != string(want) {
		t.Errorf("%v\n%s\n%s", err, got, want)
	}
}
