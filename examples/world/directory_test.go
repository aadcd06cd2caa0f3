package world

import (
	"crypto/tls"
	"slices"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

func begin(t *testing.T) *World {
	t.Helper()
	w, err := Start(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func dial(t *testing.T, w *World) *ldap.Conn {
	t.Helper()
	conn, err := ldap.DialURL(w.directory.origin, ldap.DialWithTLSConfig(&tls.Config{RootCAs: w.RootCAs}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestDirectoryRefusesBinds(t *testing.T) {
	w := begin(t)
	conn := dial(t, w)
	add := ldap.NewAddRequest("uid=1,"+people, nil)
	add.Attribute("objectClass", []string{"account"})
	for name, bind := range map[string]func() error{
		"nobody":         func() error { return nil },
		"anonymous":      func() error { return conn.UnauthenticatedBind("") },
		"no password":    func() error { return conn.UnauthenticatedBind(serviceDN) },
		"wrong password": func() error { return conn.Bind(serviceDN, "wrong") },
		"wrong name":     func() error { return conn.Bind("cn=other,"+suffix, w.directory.password) },
	} {
		if err := bind(); (name != "nobody") != ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials) {
			t.Errorf("%s: bind = %v", name, err)
		}
		if err := conn.Add(add); !ldap.IsErrorWithCode(err, ldap.LDAPResultInsufficientAccessRights) {
			t.Errorf("%s: add = %v", name, err)
		}
	}
	for _, r := range w.Received(Directory) {
		if r.As != "" {
			t.Errorf("taken for somebody: %+v", r)
		}
	}
}

// A bind that fails ends what an earlier one proved.
func TestDirectoryForgetsWhoFailsToBindAgain(t *testing.T) {
	w := begin(t)
	conn := dial(t, w)
	if err := conn.Bind(serviceDN, w.directory.password); err != nil {
		t.Fatal(err)
	}
	if err := conn.Bind(serviceDN, "wrong"); err == nil {
		t.Fatal("bound with a wrong password")
	}
	if err := conn.Del(ldap.NewDelRequest(people, nil)); !ldap.IsErrorWithCode(err, ldap.LDAPResultInsufficientAccessRights) {
		t.Errorf("delete = %v", err)
	}
}

func TestDirectoryKeepsEntries(t *testing.T) {
	w := begin(t)
	conn := dial(t, w)
	if err := conn.Bind("CN=hr-onboarding, O=Acme", w.directory.password); err != nil {
		t.Fatal(err)
	}
	dn := "uid=42," + people
	add := ldap.NewAddRequest(dn, nil)
	add.Attribute("objectClass", []string{"inetOrgPerson"})
	add.Attribute("cn", []string{"Zoë Müller"})
	add.Attribute("mail", []string{"zoe@acme.example", "z@acme.example"})
	if err := conn.Add(add); err != nil {
		t.Fatal(err)
	}
	if err := conn.Add(add); !ldap.IsErrorWithCode(err, ldap.LDAPResultEntryAlreadyExists) {
		t.Errorf("second add = %v", err)
	}
	change := ldap.NewModifyRequest("UID=42,"+people, nil)
	change.Replace("cn", []string{"Zoë Meyer"})
	change.Delete("mail", []string{"z@acme.example"})
	change.Add("title", []string{"Dr."})
	if err := conn.Modify(change); err != nil {
		t.Fatal(err)
	}
	for filter, want := range map[string]int{
		"(mail=ZOE@acme.example)": 1, "(mail=z@acme.example)": 0, "(&(title=Dr.)(cn=*))": 1, "(!(cn=Zoë Meyer))": 1,
		"(|(cn=nobody)(title=*))": 1, "(cn=Zo*)": 0,
	} {
		found, err := conn.Search(ldap.NewSearchRequest(people, ldap.ScopeWholeSubtree, 0, 0, 0, false, filter, []string{"cn"}, nil))
		if err != nil || len(found.Entries) != want {
			t.Errorf("%s: %v, %v", filter, found, err)
			continue
		}
		if want == 1 && found.Entries[0].DN == dn && !slices.Equal(found.Entries[0].GetAttributeValues("cn"), []string{"Zoë Meyer"}) {
			t.Errorf("%s: %v", filter, found.Entries[0])
		}
	}
	if err := conn.Del(ldap.NewDelRequest(people, nil)); !ldap.IsErrorWithCode(err, ldap.LDAPResultNotAllowedOnNonLeaf) {
		t.Errorf("delete of what holds entries = %v", err)
	}
	if err := conn.Del(ldap.NewDelRequest(dn, nil)); err != nil {
		t.Error(err)
	}
	if err := conn.Del(ldap.NewDelRequest(dn, nil)); !ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		t.Errorf("second delete = %v", err)
	}
	got := w.Received(Directory)
	if len(got) < 2 || got[0].Method != "bind" || got[0].As != serviceDN || got[1].Method != "add" || got[1].Path != dn ||
		got[1].As != serviceDN || got[1].Entry["cn"][0] != "Zoë Müller" {
		t.Errorf("received %+v", got)
	}
}

func TestDirectorySpeaksNothingInTheClear(t *testing.T) {
	w := begin(t)
	conn, err := ldap.DialURL("ldap://" + w.directory.origin[len("ldaps://"):])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Bind(serviceDN, w.directory.password); err == nil {
		t.Error("bound without TLS")
	}
	if got := w.Received(Directory); len(got) != 0 {
		t.Errorf("received %+v", got)
	}
}
