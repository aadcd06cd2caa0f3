package syslogaudit_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// certified is a server's side of TLS, and by what it is known.
func certified(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	far := httptest.NewTLSServer(nil)
	defer far.Close()
	roots := x509.NewCertPool()
	roots.AddCert(far.Certificate())
	return &tls.Config{Certificates: far.TLS.Certificates}, roots
}

var errForm = errors.New("no message of RFC 5424 in a frame of RFC 5425")

// message is one of RFC 5424 with one element of structured data.
type message struct {
	id     string
	index  int64
	params map[string]string
	text   string
}

// form is RFC 5424, section 6, as strict as this sender is: PRI, VERSION, TIMESTAMP,
// HOSTNAME, APP-NAME, PROCID, MSGID, one SD-ELEMENT, and MSG where there is one.
var (
	form  = regexp.MustCompile(`(?s)^<(0|[1-9]\d{0,2})>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) \[carnet@32473((?: [a-z]+="(?:[^"\\\]]|\\["\\\]])*")+)\](?: (.*))?$`)
	param = regexp.MustCompile(`([a-z]+)="((?:[^"\\\]]|\\["\\\]])*)"`)
)

// read takes one frame.
func read(in *bufio.Reader) (message, error) {
	length, err := in.ReadString(' ')
	if err != nil {
		return message{}, err
	}
	digits := strings.TrimSuffix(length, " ")
	n, err := strconv.Atoi(digits)
	if err != nil || digits[0] == '0' || n > 70_000 {
		return message{}, errForm
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(in, text); err != nil {
		return message{}, err
	}
	return parse(string(text))
}

func parse(text string) (message, error) {
	parts := form.FindStringSubmatch(text)
	if parts == nil {
		return message{}, errForm
	}
	if pri, err := strconv.Atoi(parts[1]); err != nil || pri > 191 {
		return message{}, errForm
	}
	m := message{id: parts[5], params: map[string]string{}, text: parts[7]}
	for _, p := range param.FindAllStringSubmatch(parts[6], -1) {
		if _, twice := m.params[p[1]]; twice {
			return message{}, errForm
		}
		m.params[p[1]] = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\]`, `]`).Replace(p[2])
	}
	var err error
	if m.index, err = strconv.ParseInt(m.params["index"], 10, 64); err != nil {
		return message{}, errForm
	}
	return m, nil
}

// TestParse: the reader of these tests is strict.
func TestParse(t *testing.T) {
	const good = `<110>1 2025-11-26T09:40:00.123Z - carnet - audit [carnet@32473 origin="a" index="42"] {"a":1}`
	if m, err := parse(good); err != nil || m.index != 42 || m.text != `{"a":1}` || m.id != "audit" {
		t.Errorf("%+v, %v", m, err)
	}
	for _, c := range [][2]string{
		{"<110>", "<192>"}, {"<110>", "<010>"}, {">1 ", ">2 "}, {".123Z", "Z"}, {".123Z", ".123+00:00"}, {" - carnet", "  carnet"}, {"] {", "]{"},
		{`index="42"`, `index="42`}, {`index="42"`, `index="4]2"`}, {`index="42"`, `index="x"`}, {`index="42"`, `origin="b"`}, {"[carnet@32473 ", "[carnet@32473"},
	} {
		if m, err := parse(strings.Replace(good, c[0], c[1], 1)); err != errForm {
			t.Errorf("%q for %q: %+v", c[1], c[0], m)
		}
	}
}
