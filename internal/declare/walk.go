package declare

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/tailscale/hujson"
)

// read walks a value of the file beside its place in the target.
func (r *reader) read(value *hujson.Value, into reflect.Value, path string) {
	if value.Value.Kind() == 'n' {
		r.add(null, value.StartOffset, path, "")
		return
	}
	if r.readRaw(value, into, path) || r.readNamed(value, into, path) {
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		r.read(value, into.Elem(), path)
	case reflect.Struct:
		r.readStruct(value, into, path)
	case reflect.Map:
		r.readMap(value, into, path)
	case reflect.Slice:
		r.readSlice(value, into, path)
	default:
		r.readScalar(value, into, path)
	}
}

// readNamed reads the types that have a text form of their own.
func (r *reader) readNamed(value *hujson.Value, into reflect.Value, path string) bool {
	if !into.CanAddr() {
		return false
	}
	target, ok := into.Addr().Interface().(encoding.TextUnmarshaler)
	duration := into.Type() == reflect.TypeFor[time.Duration]()
	if !ok && !duration {
		return false
	}
	text, ok := literal(value, '"')
	switch {
	case !ok:
		r.add(wantString, value.StartOffset, path, "")
	case duration:
		r.readDuration(text, value, into, path)
	case target.UnmarshalText([]byte(text)) == nil && !zeroTime(target):
		return true
	case into.Type() == reflect.TypeFor[time.Time]():
		r.add(badTime, value.StartOffset, path, "")
	default:
		r.add(unknownName, value.StartOffset, path, Nearest(text, names(into.Type())))
	}
	return true
}

func (r *reader) readDuration(text string, value *hujson.Value, into reflect.Value, path string) {
	d, err := time.ParseDuration(text)
	if err != nil || d == 0 {
		r.add(badDuration, value.StartOffset, path, "")
		return
	}
	into.SetInt(int64(d))
}

func zeroTime(target encoding.TextUnmarshaler) bool {
	t, ok := target.(*time.Time)
	return ok && t.IsZero()
}

func (r *reader) readStruct(value *hujson.Value, into reflect.Value, path string) {
	object, ok := value.Value.(*hujson.Object)
	if !ok {
		r.add(wantObject, value.StartOffset, path, "")
		return
	}
	t := r.fields(into.Type())
	seen := make([]bool, into.NumField())
	for i := range object.Members {
		member := &object.Members[i]
		name, at := r.name(&member.Name, path), member.Name.StartOffset
		field, known := t.byName[name]
		switch {
		case !known:
			r.unknown(name, t.names, at, path)
		case seen[field]:
			r.add(duplicate, at, path+"/"+name, "")
		default:
			seen[field] = true
			r.read(&member.Value, into.Field(field), path+"/"+name)
		}
	}
}

func (r *reader) unknown(name string, declared []string, at int, path string) {
	for _, right := range declared {
		if strings.EqualFold(name, right) {
			r.add(caseVariant, at, path, right)
			return
		}
	}
	r.add(unknownMember, at, path, Nearest(name, declared))
}

// readMap keeps the keys out of paths: they are content.
func (r *reader) readMap(value *hujson.Value, into reflect.Value, path string) {
	object, ok := value.Value.(*hujson.Object)
	switch {
	case into.Type().Key().Kind() != reflect.String:
		r.add(badTarget, value.StartOffset, path, "")
		return
	case !ok:
		r.add(wantObject, value.StartOffset, path, "")
		return
	}
	into.Set(reflect.MakeMapWithSize(into.Type(), len(object.Members)))
	key, element := reflect.New(into.Type().Key()).Elem(), reflect.New(into.Type().Elem()).Elem()
	for i := range object.Members {
		member := &object.Members[i]
		key.SetString(r.name(&member.Name, path))
		if into.MapIndex(key).IsValid() {
			r.add(duplicate, member.Name.StartOffset, path, "")
			continue
		}
		element.SetZero()
		r.read(&member.Value, element, path)
		into.SetMapIndex(key, element)
	}
}

func (r *reader) readSlice(value *hujson.Value, into reflect.Value, path string) {
	array, ok := value.Value.(*hujson.Array)
	if !ok {
		r.add(wantList, value.StartOffset, path, "")
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(array.Elements), len(array.Elements)))
	for i := range array.Elements {
		r.read(&array.Elements[i], into.Index(i), path+"/"+strconv.Itoa(i))
	}
}

// declared are the fields of a struct that can be declared.
type declared struct {
	byName map[string]int
	names  []string
}

// fields are those of a type, which a file has many values of.
func (r *reader) fields(t reflect.Type) declared {
	d, known := r.types[t]
	if known {
		return d
	}
	d.byName = make(map[string]int, t.NumField())
	for i := range t.NumField() {
		field := t.Field(i)
		name := field.Tag.Get("json")
		if !field.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = snake(field.Name)
		}
		d.byName[name] = i
		d.names = append(d.names, name)
	}
	if r.types == nil {
		r.types = map[reflect.Type]declared{}
	}
	r.types[t] = d
	return d
}

func snake(name string) string {
	var b strings.Builder
	letters := []rune(name)
	for i, letter := range letters {
		if i > 0 && unicode.IsUpper(letter) {
			nextLower := i+1 < len(letters) && unicode.IsLower(letters[i+1])
			if nextLower || !unicode.IsUpper(letters[i-1]) {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(letter))
	}
	return b.String()
}
