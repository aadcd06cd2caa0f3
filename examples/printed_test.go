package examples_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"html/template"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	texttemplate "text/template"
	"unsafe"

	"github.com/carnet-go/carnet/auth"
)

const printedFile = "exported_test.go"

// TestExportedTypesAreListed: the list of exported_test.go is written by this test, with
//
//	go test ./examples -run TestExportedTypesAreListed -update
//
// so that a new type is looked at without anybody's thinking of it.
func TestExportedTypesAreListed(t *testing.T) {
	types := map[string][]string{} // by package, with empty type arguments
	for _, s := range core(t) {
		dir := path.Dir(s.name)
		if _, err := os.Stat(filepath.Join(root(t), dir, "go.mod")); s.file.Name.Name == "main" || err == nil && dir != "." {
			continue // a module of its own, such as vault/awsvault, looks for leaks itself
		}
		for _, d := range s.file.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.TYPE {
				continue
			}
			for _, spec := range decl.Specs {
				if name := exported(spec.(*ast.TypeSpec)); name != "" {
					types[dir] = append(types[dir], name)
				}
			}
		}
	}
	var b bytes.Buffer
	b.WriteString("// Written by TestExportedTypesAreListed.\n\npackage examples_test\n\nimport (\n\t\"reflect\"\n\n")
	for _, dir := range slices.Sorted(maps.Keys(types)) {
		fmt.Fprintf(&b, "\t%q\n", module+"/"+dir)
	}
	b.WriteString(")\n\n// exportedTypes are all that are no interfaces.\nvar exportedTypes = []reflect.Type{\n")
	for _, dir := range slices.Sorted(maps.Keys(types)) {
		for _, name := range slices.Sorted(slices.Values(types[dir])) {
			fmt.Fprintf(&b, "\treflect.TypeFor[%s.%s](),\n", path.Base(dir), name)
		}
	}
	b.WriteString("}\n")
	want, err := format.Source(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(printedFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(printedFile); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not of this tree (%v): go test ./examples -run TestExportedTypesAreListed -update", printedFile, err)
	}
}

// exported is a type as it is named from outside; empty: it cannot be, or is an interface.
func exported(s *ast.TypeSpec) string {
	if _, ok := s.Type.(*ast.InterfaceType); ok || !s.Name.IsExported() {
		return ""
	}
	if s.TypeParams == nil {
		return s.Name.Name
	}
	var arguments []string
	for _, p := range s.TypeParams.List {
		for range p.Names {
			arguments = append(arguments, "struct{}")
		}
	}
	return s.Name.Name + "[" + strings.Join(arguments, ", ") + "]"
}

// printedSecret is what must not be found in any output.
const printedSecret = "s3cr3t-of-every-type-90211"

// TestNoTypePrintsASecret: every exported type, with a secret wherever one fits, also where
// nobody but the package itself could put it, through every channel.
func TestNoTypePrintsASecret(t *testing.T) {
	with := 0
	for _, typ := range exportedTypes {
		v := reflect.New(typ)
		if !plant(v.Elem(), 0) {
			continue
		}
		with++
		for _, value := range []any{v.Interface(), v.Elem().Interface(), struct{ hidden any }{v.Interface()}, []any{v.Interface()}} {
			for channel, text := range printed(value) {
				if shows(text) {
					t.Errorf("%v leaks by %s", typ, channel)
				}
			}
		}
	}
	if with < 10 {
		t.Errorf("only %d of %d types hold secrets: they are not found", with, len(exportedTypes))
	}
	leaks := 0
	for _, text := range printed(struct{ hidden []byte }{[]byte(printedSecret)}) {
		if shows(text) {
			leaks++
		}
	}
	if channels := len(printed(0)); leaks < 20 || channels < 81 {
		t.Errorf("%d of %d channels show bytes that are there to be seen", leaks, channels)
	}
}

var secretType = reflect.TypeFor[auth.Secret]()

// plant puts a secret wherever one fits, and says whether one did.
func plant(v reflect.Value, depth int) bool {
	if !v.CanSet() {
		if !v.CanAddr() {
			return false
		}
		v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem() // an unexported field
	}
	switch {
	case v.Type() == secretType:
		v.Set(reflect.ValueOf(auth.NewSecret([]byte(printedSecret))))
		return true
	case depth > 5:
		return false
	}
	switch v.Kind() {
	case reflect.Struct:
		planted := false
		for i := range v.NumField() {
			planted = plant(v.Field(i), depth+1) || planted
		}
		return planted
	case reflect.Pointer:
		if !strings.HasPrefix(v.Type().Elem().PkgPath(), module) {
			return false
		}
		p := reflect.New(v.Type().Elem())
		planted := plant(p.Elem(), depth+1)
		if planted {
			v.Set(p)
		}
		return planted
	case reflect.Slice, reflect.Map:
		one := reflect.New(v.Type().Elem())
		if !plant(one.Elem(), depth+1) {
			return false
		}
		if v.Kind() == reflect.Slice {
			v.Set(reflect.Append(reflect.MakeSlice(v.Type(), 0, 1), one.Elem()))
			return true
		}
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.Zero(v.Type().Key()), one.Elem())
		return true
	}
	return false
}

// printed is what becomes of a value, by channel.
func printed(v any) map[string]string {
	all := map[string]string{}
	for _, verb := range "vsqxXdcUobtTpeEfFgGw" {
		for _, flag := range []string{"", "+", "#", " ", "10.3"} {
			format := "%" + flag + string(verb)
			all[format] = tried(func() string { return fmt.Sprintf(format, v) })
		}
	}
	for name, write := range map[string]func(b *bytes.Buffer){
		"slog text": func(b *bytes.Buffer) { slog.New(slog.NewTextHandler(b, nil)).Info("m", "v", v) },
		"slog json": func(b *bytes.Buffer) { slog.New(slog.NewJSONHandler(b, nil)).Info("m", "v", v) },
		"json":      func(b *bytes.Buffer) { fmt.Fprint(b, json.NewEncoder(b).Encode(v)) },
		"xml":       func(b *bytes.Buffer) { fmt.Fprint(b, xml.NewEncoder(b).Encode(v)) },
		"gob":       func(b *bytes.Buffer) { fmt.Fprint(b, gob.NewEncoder(b).Encode(v)) },
		"template": func(b *bytes.Buffer) {
			_ = texttemplate.Must(texttemplate.New("t").Parse("{{.}} {{printf `%s` .}}")).Execute(b, v)
		},
		"html template": func(b *bytes.Buffer) { _ = template.Must(template.New("t").Parse("{{.}}")).Execute(b, v) },
		"panic":         func(*bytes.Buffer) { panic(v) },
		"error":         func(b *bytes.Buffer) { fmt.Fprint(b, fmt.Errorf("%v: %w", v, textError{v})) },
	} {
		all[name] = tried(func() string {
			var b bytes.Buffer
			write(&b)
			return b.String()
		})
	}
	return all
}

type textError struct{ v any }

func (e textError) Error() string { return fmt.Sprint(e.v) }

// tried is a text, or that of a panic: values that nobody made may do so.
func tried(text func() string) (s string) {
	defer func() {
		if r := recover(); r != nil {
			s = fmt.Sprint(r)
		}
	}()
	return text()
}

// shows looks for the secret as text, hex, decimal and octal bytes.
func shows(text string) bool {
	b := []byte(printedSecret)
	decimal := strings.Trim(fmt.Sprint(b), "[]")
	for _, form := range []string{
		printedSecret, fmt.Sprintf("%x", b), fmt.Sprintf("%X", b), fmt.Sprintf("% x", b), decimal, strings.ReplaceAll(decimal, " ", ", "),
		strings.Trim(fmt.Sprintf("%o", b), "[]"),
	} {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}
