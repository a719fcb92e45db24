package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatYAMLWouldReadAsAnotherNumberIsRefused(t *testing.T) {
	load := func(text string) error {
		t.Helper()
		file := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := Load(file, nil)
		return err
	}
	numbers := func(dial string) string {
		return "bodies: [{id: b, name: B}]\nqueues: [{id: general, body: b}]\nnumbers: [{dial: " + dial + ", body: b}]\n"
	}
	for _, dial := range []string{"0125550000", "0142", "0o17", "1_0_2", "1e3", "0x6c", "+108", "0b11", "1.0e2", ".5"} {
		err := load(numbers(dial))
		if err == nil || !strings.Contains(err.Error(), "in quotes") || !strings.Contains(err.Error(), "c.yaml:3:") {
			t.Errorf("dial: %s: %v", dial, err)
		}
	}
	for _, dial := range []string{"108", `"0125550000"`, "'0142'", `"+994125550000"`} {
		if err := load(numbers(dial)); err != nil && strings.Contains(err.Error(), "in quotes") {
			t.Errorf("dial: %s: %v", dial, err)
		}
	}
	for text, want := range map[string]string{"": "is empty", "# only a remark\n": "is empty", "log: warn\n---\nlog: info\n": "second document"} {
		if err := load(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
