package manifest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// types are those of JSON and of schemas, in a sentence.
var types = map[string]string{
	"string": "a string", "integer": "an integer", "number": "a number", "boolean": "true or false", "bool": "true or false",
	"array": "a list", "object": "a mapping", "null": "empty",
}

// Mistyped says that a value is of one type and must be of another, both by the names of JSON's schemas; empty where one of them is not
// known.
func Mistyped(is, must string) string {
	if types[is] == "" || types[must] == "" {
		return ""
	}
	hint := ""
	if must == "string" && is != "object" && is != "array" {
		hint = ": write it in quotes"
	}
	return fmt.Sprintf("it is %s and must be %s%s", types[is], types[must], hint)
}

// MistypedJSON says the same of what could not be decoded.
func MistypedJSON(mistake *json.UnmarshalTypeError) string {
	is, _, _ := strings.Cut(mistake.Value, " ") // what follows is the value
	must := map[reflect.Kind]string{
		reflect.String: "string", reflect.Bool: "boolean", reflect.Slice: "array", reflect.Array: "array", reflect.Map: "object",
		reflect.Struct: "object", reflect.Float32: "number", reflect.Float64: "number",
	}[mistake.Type.Kind()]
	if must == "" {
		must = "integer"
	}
	if sentence := Mistyped(is, must); sentence != "" {
		return sentence
	}
	return fmt.Sprintf("%s cannot stand here: it must be %s", mistake.Value, types[must])
}
