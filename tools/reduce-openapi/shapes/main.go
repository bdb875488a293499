// Command shapes prints, for each Go type that a Kubernetes API object is made of, how its fields travel as JSON:
// which zero values are left out and which are always sent. The published OpenAPI documents do not say this, and a
// real server shows it in every answer, since objects pass through these types.
//
// Output: {"<OpenAPI definition>": {"<field>": "omitZero" | "omitEmpty" | {"always": <zero value>}}}.
// A field that is absent is left out only when it is null (a pointer).
package main

import (
	"encoding/json"
	"log"
	"os"
	"reflect"
	"strings"

	admissionregistration "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	certificates "k8s.io/api/certificates/v1"
	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	events "k8s.io/api/events/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	scheduling "k8s.io/api/scheduling/v1"
	storage "k8s.io/api/storage/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

type shape map[string]any

var (
	shapes    = map[string]shape{}
	marshaler = reflect.TypeFor[json.Marshaler]()
)

func main() {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		admissionregistration.AddToScheme, apps.AddToScheme, authentication.AddToScheme, authorization.AddToScheme,
		autoscalingv1.AddToScheme, autoscalingv2.AddToScheme, batch.AddToScheme, certificates.AddToScheme,
		coordination.AddToScheme, core.AddToScheme, discovery.AddToScheme, events.AddToScheme, networking.AddToScheme,
		policy.AddToScheme, rbac.AddToScheme, scheduling.AddToScheme, storage.AddToScheme, apiextensions.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			log.Fatal(err)
		}
	}
	for _, t := range scheme.AllKnownTypes() {
		visit(t)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", " ")
	if err := out.Encode(shapes); err != nil {
		log.Fatal(err)
	}
}

// definition is the OpenAPI name of a Go type: k8s.io/api/apps/v1.Deployment is io.k8s.api.apps.v1.Deployment.
func definition(t reflect.Type) string {
	host, rest, _ := strings.Cut(t.PkgPath(), "/")
	parts := strings.Split(host, ".")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, ".") + "." + strings.ReplaceAll(rest, "/", ".") + "." + t.Name()
}

func marshalsItself(t reflect.Type) bool {
	return t.Implements(marshaler) || reflect.PointerTo(t).Implements(marshaler)
}

func visit(t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		visit(t.Elem())
	case reflect.Struct:
		if marshalsItself(t) {
			return
		}
		name := definition(t)
		if _, seen := shapes[name]; seen {
			return
		}
		s := shape{}
		shapes[name] = s
		addFields(t, s)
	}
}

func addFields(t reflect.Type, s shape) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" || !field.IsExported() {
			continue
		}
		if name == "" && field.Anonymous {
			addFields(field.Type, s)
			continue
		}
		visit(field.Type)
		if rule := ruleOf(field.Type, options); rule != nil {
			s[name] = rule
		}
	}
}

// ruleOf says when a field is sent; nil: unless it is null.
func ruleOf(t reflect.Type, options string) any {
	omitEmpty, omitZero := strings.Contains(options, "omitempty"), strings.Contains(options, "omitzero")
	switch t.Kind() {
	case reflect.Struct:
		if omitZero {
			return nil
		}
		zero, err := json.Marshal(reflect.New(t).Interface())
		if err != nil {
			log.Fatal(err)
		}
		if !marshalsItself(t) {
			zero = []byte("{}")
		}
		return map[string]any{"always": json.RawMessage(zero)}
	case reflect.Pointer, reflect.Interface:
		if omitEmpty {
			return nil
		}
		return map[string]any{"always": nil}
	case reflect.Slice, reflect.Map:
		if omitEmpty {
			return "omitEmpty"
		}
		return map[string]any{"always": nil}
	default:
		if omitEmpty {
			return "omitZero"
		}
		return map[string]any{"always": reflect.Zero(t).Interface()}
	}
}
