package directory

import (
	"reflect"
	"strings"
)

// FieldDoc describes one field of a kind of record.
type FieldDoc struct {
	Path    string `json:"path"` // hours.exceptions[].from
	Form    string `json:"form"` // text, number, true/false, duration, date, period, one of …, levels, list
	Must    bool   `json:"must"`
	Default string `json:"default,omitempty"`
	Doc     string `json:"doc"`
}

// KindDoc describes a kind of record.
type KindDoc struct {
	Kind   Kind       `json:"kind"`
	Fields []FieldDoc `json:"fields"`
}

// Reference describes every field of every kind, in order.
func Reference() []KindDoc {
	out := make([]KindDoc, len(kinds))
	for i, k := range kinds {
		out[i] = KindDoc{Kind: k.kind, Fields: describe(reflect.TypeOf(k.make()).Elem(), "")}
	}
	return out
}

func describe(t reflect.Type, path string) (out []FieldDoc) {
	for _, f := range plans[t].fields {
		d := FieldDoc{Path: join(path, f.key), Must: f.must, Doc: f.doc}
		if f.fallback != nil {
			d.Default = f.fallback.Text
		}
		e, list := t.Field(f.index).Type, ""
		for e.Kind() == reflect.Pointer || e.Kind() == reflect.Slice {
			if e.Kind() == reflect.Slice {
				list = "[]"
			}
			e = e.Elem()
		}
		if e.Kind() == reflect.Struct && !isText(e) {
			d.Form = "keys"
			if list != "" {
				d.Form = "list of keys"
			}
			out = append(append(out, d), describe(e, d.Path+list)...)
			continue
		}
		if d.Form = form(e); list != "" {
			d.Form = "list: " + d.Form
		}
		out = append(out, d)
	}
	return out
}

func form(t reflect.Type) string {
	switch {
	case t == duration:
		return "duration"
	case t == period:
		return "period"
	case isText(t):
		return "date"
	case t.Implements(oneOf):
		return "one of " + strings.Join(reflect.Zero(t).Interface().(interface{ choices() []string }).choices(), ", ")
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true/false"
	case reflect.Int:
		return "number"
	case reflect.Map:
		return "levels"
	}
	return "text"
}
