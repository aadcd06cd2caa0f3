package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/examples/world"
)

// values are the leaves of an employee's document by path, as text.
func values(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var document map[string]any
	if err := d.Decode(&document); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				walk(path+"/"+name, member)
			}
		case nil:
		default:
			found[path] = fmt.Sprint(v)
		}
	}
	walk("", document)
	return found
}

// learns says which values a system may receive as they are; all others it must not.
func learns(system string) []string {
	switch system {
	case world.Directory:
		return []string{"/number", "/name/given", "/name/family", "/email"}
	case world.ERP:
		return []string{"/number", "/national_id", "/started", "/salary/cents", "/salary/currency", "/address/country"}
	case world.CRM:
		return []string{"/name/given", "/name/family", "/address/city"}
	case world.Hub:
		return []string{"/department"}
	}
	return nil
}

// reached is all that a system received, as text.
func reached(w *world.World, system string) string {
	var b strings.Builder
	for _, r := range w.Received(system) {
		fmt.Fprintln(&b, r)
	}
	return b.String()
}

// TestEverySystemLearnsWhatItMay asks the systems themselves: each value stands where it
// may, exactly as it was, and nowhere else; none stands in the log.
func TestEverySystemLearnsWhatItMay(t *testing.T) {
	w, s := started(t, declared, enter)
	if err := s.show(t.Context(), new(bytes.Buffer), w); err != nil {
		t.Fatal(err)
	}
	log := files(t, filepath.Join(w.Dir, "audit"))
	for _, name := range []string{"mueller", "nguyen", "zolc"} {
		all := values(t, employee(t, name))
		for _, system := range []string{world.Directory, world.ERP, world.CRM, world.Hub, world.Provider, world.Lurker} {
			got := reached(w, system)
			for path, value := range all {
				has := strings.Contains(got, value)
				switch may := slices.Contains(learns(system), path); {
				case may && !has:
					t.Errorf("%s did not receive %s of %s as it is", system, path, name)
				case !may && has && identifies(path):
					t.Errorf("%s received %s of %s", system, path, name)
				}
			}
		}
		for path, value := range all {
			if identifies(path) && strings.Contains(log, value) {
				t.Errorf("the log holds %s of %s", path, name)
			}
		}
	}
}

// identifies says whether a value can be searched for: a country stands everywhere.
func identifies(path string) bool {
	return !slices.Contains([]string{"/address/country", "/salary/currency", "/department"}, path)
}

// files is the content of all files below dir.
func files(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		b.Write(content)
		return err
	})
	if err != nil || b.Len() == 0 {
		t.Fatalf("%d bytes, %v", b.Len(), err)
	}
	return b.String()
}

// TestWrongDocumentsAreRefusedWithoutTheirContent breaks each value of a document in
// turn. No system learns of it, and neither does whoever reads the error.
func TestWrongDocumentsAreRefusedWithoutTheirContent(t *testing.T) {
	w, s := started(t, declared, enter)
	alice := admitted(t, w, s)
	raw := employee(t, "mueller")
	all := values(t, raw)
	for path, value := range all {
		broken := bytes.Replace(raw, []byte(value), []byte(value+`","smuggled":"`+value), 1)
		if !strings.Contains(string(raw), `"`+value+`"`) {
			broken = bytes.Replace(raw, []byte(value), []byte(`"`+value+`"`), 1) // a number as text
		}
		for _, operation := range []string{"directory.account.create", "erp.payroll.open", "crm.contact.push", "hub.event.publish"} {
			_, err := s.ask(t.Context(), alice, operation, s.employee.Document(broken))
			if err == nil {
				t.Errorf("%s takes a document with another %s", operation, path)
				continue
			}
			for other, value := range all {
				if identifies(other) && strings.Contains(err.Error(), value) {
					t.Errorf("%s: the error quotes %s", operation, other)
				}
			}
		}
	}
	for _, system := range []string{world.Directory, world.ERP, world.CRM, world.Hub} {
		if got := w.Received(system); len(got) != 0 {
			t.Errorf("%s received %v", system, got)
		}
	}
}

// The proposed mapping takes an EU-only field to the US, and the finding says where.
func TestProposedMappingIsRefused(t *testing.T) {
	w, err := world.Start(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var out bytes.Buffer
	if err := proposed(&out, w); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	for _, what := range []string{"M219 is confidential", "M221 may be in eu, and the destination is in us"} {
		want := "refused: mappings/employee-to-contact.jsonc:8:24: " + what
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, want) }) {
			t.Errorf("printed %q, without %q", lines, want)
		}
	}
	if len(lines) != 2 {
		t.Errorf("printed %q", lines)
	}
}
