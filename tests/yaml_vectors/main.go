// Reads YAML texts, a JSON list of strings on standard input, as Go's readers do, and prints what they make of
// them as JSON: sigs.k8s.io/yaml (kubectl, strict) and gopkg.in/yaml.v3. See README.md.
package main

import (
	"encoding/json"
	"os"
	"reflect"

	v3 "gopkg.in/yaml.v3"
	k8s "sigs.k8s.io/yaml"
)

// What the readers made of one text; v3 only where it differs from k8s.
type reading struct {
	Text     string          `json:"text"`
	K8s      json.RawMessage `json:"k8s,omitempty"`
	K8sFails bool            `json:"k8sFails,omitempty"`
	V3       json.RawMessage `json:"v3,omitempty"`
	V3Fails  bool            `json:"v3Fails,omitempty"`
}

func main() {
	var texts []string
	if err := json.NewDecoder(os.Stdin).Decode(&texts); err != nil {
		panic(err)
	}
	readings := make([]reading, 0, len(texts))
	for _, text := range texts {
		one := reading{Text: text}
		value, err := k8s.YAMLToJSONStrict([]byte(text))
		one.K8s, one.K8sFails = value, err != nil
		value, err = readV3(text)
		one.V3Fails = err != nil
		if !same(value, one.K8s) {
			one.V3 = value
		}
		readings = append(readings, one)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", " ")
	if err := out.Encode(readings); err != nil {
		panic(err)
	}
}

func readV3(text string) (json.RawMessage, error) {
	var value any
	if err := v3.Unmarshal([]byte(text), &value); err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

func same(a, b json.RawMessage) bool {
	var left, right any
	if json.Unmarshal(a, &left) != nil || json.Unmarshal(b, &right) != nil {
		return false
	}
	return reflect.DeepEqual(left, right)
}
