package deep_test

import (
	"reflect"
	"testing"

	"github.com/carnet-go/carnet/auth/internal/deep"
)

type leaf struct {
	Names []string
	N     int
}

type tree struct {
	Leaves []leaf
	By     map[string][]string
	Of     map[string]leaf
	Text   string
	Empty  []string
	None   map[string]string
}

func sample() tree {
	return tree{
		Leaves: []leaf{{[]string{"a", "b"}, 1}, {nil, 2}}, By: map[string][]string{"x": {"y"}, "z": nil},
		Of: map[string]leaf{"k": {[]string{"v"}, 3}}, Text: "t", Empty: []string{}, None: map[string]string{},
	}
}

func TestCopySharesNothing(t *testing.T) {
	original := sample()
	got := deep.Copy(original)
	want := sample()
	want.Empty, want.None = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v", got)
	}
	got.Leaves[0].Names[0], got.By["x"][0], got.By["new"], got.Of["k"].Names[0] = "changed", "changed", nil, "changed"
	got.Leaves[1].N = 9
	if !reflect.DeepEqual(original, sample()) {
		t.Errorf("the original is now %+v", original)
	}
	if deep.Copy(5) != 5 || deep.Copy(tree{}).Leaves != nil {
		t.Error("of nothing")
	}
}

type label uint8

// TestConvert takes what has the same name, and is of the same kind.
func TestConvert(t *testing.T) {
	type from struct {
		Name   string
		Level  label
		Inner  []struct{ A, B string }
		Unused int
	}
	type to struct {
		Level uint8
		Name  string
		Inner []struct{ B string }
	}
	got := deep.Convert[[]to]([]from{{"x", 3, []struct{ A, B string }{{"a", "b"}}, 7}})
	if want := []to{{3, "x", []struct{ B string }{{"b"}}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a field of nothing")
		}
	}()
	deep.Convert[struct{ Missing string }](from{})
}
