// render - what `helm template` does with a chart, by the same template language and functions (Debian
// packages no helm): values over the chart's, each file of templates/ to one of the output directory. What
// comes out empty is left out, as an install would. NOTES.txt is rendered too.
//
//	render CHART OUT [name=R] [namespace=N] [service=S] [kube=v1.30.0] [values=FILE]…
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

func read(path string) map[string]interface{} {
	m := map[string]interface{}{}
	text, err := os.ReadFile(path)
	die(err)
	die(yaml.Unmarshal(text, &m))
	return m
}

// A map goes into a map; anything else takes the place of what was there; null takes it away.
func merge(into, from map[string]interface{}) {
	for k, v := range from {
		a, isMap := into[k].(map[string]interface{})
		b, alsoMap := v.(map[string]interface{})
		switch {
		case v == nil:
			delete(into, k)
		case isMap && alsoMap:
			merge(a, b)
		default:
			into[k] = v
		}
	}
}

func toYAML(v interface{}) string {
	text, err := yaml.Marshal(v)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(text), "\n")
}

func required(what string, v interface{}) (interface{}, error) {
	if v == nil || v == "" {
		return nil, fmt.Errorf("%s", what)
	}
	return v, nil
}

func functions(t *template.Template) template.FuncMap {
	f := sprig.TxtFuncMap()
	delete(f, "env")
	delete(f, "expandenv")
	f["toYaml"] = toYAML
	f["required"] = required
	f["include"] = func(name string, data interface{}) (string, error) {
		var out strings.Builder
		err := t.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	return f
}

func main() {
	if len(os.Args) < 3 {
		die(fmt.Errorf("usage: render CHART OUT [key=value]…"))
	}
	chart, out := os.Args[1], os.Args[2]
	meta := read(filepath.Join(chart, "Chart.yaml"))
	values := read(filepath.Join(chart, "values.yaml"))
	set := map[string]string{"name": "boltseal", "namespace": "boltseal", "service": "Helm", "kube": "v1.30.0"}
	for _, arg := range os.Args[3:] {
		key, value, _ := strings.Cut(arg, "=")
		if key == "values" {
			merge(values, read(value))
		} else {
			set[key] = value
		}
	}
	data := map[string]interface{}{
		"Values": values,
		"Chart":  map[string]interface{}{"Name": meta["name"], "Version": meta["version"], "AppVersion": meta["appVersion"]},
		"Release": map[string]interface{}{"Name": set["name"], "Namespace": set["namespace"],
			"Service": set["service"], "IsInstall": true, "IsUpgrade": false, "Revision": 1},
		"Capabilities": map[string]interface{}{"KubeVersion": map[string]interface{}{"Version": set["kube"]}},
	}
	t := template.New("chart").Option("missingkey=zero")
	t.Funcs(functions(t))
	files, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	die(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		die(err)
		_, err = t.New(filepath.Base(file)).Parse(string(text))
		die(err)
	}
	die(os.MkdirAll(out, 0o755))
	for _, file := range files {
		var text bytes.Buffer
		name := filepath.Base(file)
		if strings.HasPrefix(name, "_") {
			continue
		}
		die(t.ExecuteTemplate(&text, name, data))
		clean := strings.ReplaceAll(text.String(), "<no value>", "")
		if strings.TrimSpace(clean) == "" {
			continue
		}
		die(os.WriteFile(filepath.Join(out, name), []byte(clean), 0o644))
	}
}
