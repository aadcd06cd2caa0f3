// Package deep copies declarations, so that nobody changes what was checked.
//
//	mine := deep.Copy(yours)
//
// # Guarantees
//
// What is returned shares no slice and no map with what was given. Empty ones become
// nil: they mean the same, and hash the same.
//
// # Limits
//
// It is for plain data: exported fields, slices, maps and values. A pointer, an interface
// and a function are shared.
//
// # Concurrency
//
// Copy shares nothing.
package deep

import "reflect"

// Copy is v without anything in common with it.
func Copy[T any](v T) T { return Convert[T](v) }

// Convert is v as another type, whose structs have fields of the same names, and where
// they have fewer leave the others out. It panics where a field has no counterpart.
func Convert[T any](v any) T {
	to := reflect.New(reflect.TypeFor[T]()).Elem()
	fill(to, reflect.ValueOf(v))
	return to.Interface().(T)
}

func fill(to, from reflect.Value) {
	switch from.Kind() {
	case reflect.Struct:
		for i := range to.NumField() {
			fill(to.Field(i), from.FieldByName(to.Type().Field(i).Name))
		}
	case reflect.Slice:
		if from.Len() == 0 {
			return
		}
		to.Set(reflect.MakeSlice(to.Type(), from.Len(), from.Len()))
		for i := range from.Len() {
			fill(to.Index(i), from.Index(i))
		}
	case reflect.Map:
		if from.Len() == 0 {
			return
		}
		to.Set(reflect.MakeMapWithSize(to.Type(), from.Len()))
		for key, value := range from.Seq2() {
			copied := reflect.New(to.Type().Elem()).Elem()
			fill(copied, value)
			to.SetMapIndex(key, copied)
		}
	default:
		to.Set(from.Convert(to.Type()))
	}
}
