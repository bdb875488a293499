// Command ssa-oracle plays sequences of writes through the field manager of a real API server (k8s.io/apimachinery)
// and prints what it answers, so that our own server-side apply can be compared with it.
//
// It reads one sequence a line: {"kind": "apps/v1/Deployment", "crd": {"<version>": <OpenAPI schema>}?, "steps": [
// {"op": "apply"|"update", "manager", "force", "subresource", "version"?, "time": <unix seconds>, "object": …}]}, and prints
// {"steps": [{"object": …} | {"conflicts": [{field, message}], "message": …} | {"error": …, "code": …}]} for each.
// Built-in objects pass through their Go types, custom ones stay unstructured. No defaults are applied.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"

	admissionregistration "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
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
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

type step struct {
	Op          string         `json:"op"`
	Manager     string         `json:"manager"`
	Force       bool           `json:"force"`
	Subresource string         `json:"subresource"`
	Version     string         `json:"version"`
	Time        int64          `json:"time"`
	Object      map[string]any `json:"object"`
}

type sequence struct {
	Kind  string                     `json:"kind"`
	CRD   map[string]json.RawMessage `json:"crd"`
	Steps []step                     `json:"steps"`
}

type outcome struct {
	Object    any                  `json:"object,omitempty"`
	Conflicts []metav1.StatusCause `json:"conflicts,omitempty"`
	Message   string               `json:"message,omitempty"`
	Error     string               `json:"error,omitempty"`
	Code      int32                `json:"code,omitempty"`
}

// world is what a sequence runs in: types, and how objects turn from one version into another.
type world struct {
	types     managedfields.TypeConverter
	converter runtime.ObjectConvertor
	creater   runtime.ObjectCreater
	scheme    *runtime.Scheme
}

type noDefaults struct{}

func (noDefaults) Default(runtime.Object) {}

// sameFields converts custom resources as strategy None does: only apiVersion changes.
type sameFields struct{ served map[string]bool }

func (c sameFields) ConvertToVersion(in runtime.Object, target runtime.GroupVersioner) (runtime.Object, error) {
	from := in.GetObjectKind().GroupVersionKind()
	gv, ok := target.(schema.GroupVersion)
	if !ok {
		return nil, fmt.Errorf("unexpected target %v", target)
	}
	if !c.served[gv.Version] {
		return nil, runtime.NewNotRegisteredErrForTarget("crd", nil, target)
	}
	out := in.DeepCopyObject()
	out.GetObjectKind().SetGroupVersionKind(gv.WithKind(from.Kind))
	return out, nil
}

func (c sameFields) Convert(in, out, context any) error { return errors.New("not supported") }
func (c sameFields) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}

type untypedCreater struct{}

func (untypedCreater) New(gvk schema.GroupVersionKind) (runtime.Object, error) {
	out := &unstructured.Unstructured{Object: map[string]any{}}
	out.SetGroupVersionKind(gvk)
	return out, nil
}

// copying keeps the scheme from handing back the very object it was given, as versioned-to-versioned conversion does.
type copying struct{ *runtime.Scheme }

func (c copying) ConvertToVersion(in runtime.Object, target runtime.GroupVersioner) (runtime.Object, error) {
	if u, ok := in.(*unstructured.Unstructured); ok {
		typed, err := c.Scheme.New(u.GroupVersionKind())
		if err != nil {
			return nil, err
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, typed); err != nil {
			return nil, err
		}
		in = typed
	}
	out, err := c.Scheme.ConvertToVersion(in.DeepCopyObject(), target)
	if err != nil {
		return nil, err
	}
	gvks, _, err := c.Scheme.ObjectKinds(out)
	if err != nil {
		return nil, err
	}
	out.GetObjectKind().SetGroupVersionKind(gvks[0])
	return out, nil
}

type creating struct{ *runtime.Scheme }

func (c creating) New(gvk schema.GroupVersionKind) (runtime.Object, error) {
	out, err := c.Scheme.New(gvk)
	if err == nil {
		out.GetObjectKind().SetGroupVersionKind(gvk)
	}
	return out, err
}

func builtin(openAPI string) world {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		core.AddToScheme, apps.AddToScheme, batch.AddToScheme, networking.AddToScheme, rbac.AddToScheme,
		admissionregistration.AddToScheme, apiextensions.AddToScheme, autoscaling.AddToScheme, autoscalingv1.AddToScheme, certificates.AddToScheme,
		coordination.AddToScheme, discovery.AddToScheme, events.AddToScheme, policy.AddToScheme, scheduling.AddToScheme, storage.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			log.Fatal(err)
		}
	}
	models := map[string]*spec.Schema{}
	files, err := filepath.Glob(filepath.Join(openAPI, "ap*__v[12]_openapi.json"))
	if err != nil || len(files) == 0 {
		log.Fatalf("no OpenAPI documents in %s", openAPI)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			log.Fatal(err)
		}
		var document struct {
			Components struct {
				Schemas map[string]*spec.Schema `json:"schemas"`
			} `json:"components"`
		}
		if err := json.Unmarshal(data, &document); err != nil {
			log.Fatal(err)
		}
		for name, model := range document.Components.Schemas {
			models[name] = model
		}
	}
	types, err := managedfields.NewTypeConverter(models, false)
	if err != nil {
		log.Fatal(err)
	}
	return world{types: types, converter: copying{scheme}, creater: creating{scheme}, scheme: scheme}
}

func custom(kind schema.GroupVersionKind, versions map[string]json.RawMessage) (world, error) {
	models := map[string]*spec.Schema{}
	served := map[string]bool{}
	for version, raw := range versions {
		model := &spec.Schema{}
		if err := json.Unmarshal(raw, model); err != nil {
			return world{}, err
		}
		model.AddExtension("x-kubernetes-group-version-kind", []any{map[string]any{
			"group": kind.Group, "version": version, "kind": kind.Kind,
		}})
		models["custom."+version+"."+kind.Kind] = model
		served[version] = true
	}
	types, err := managedfields.NewTypeConverter(models, false)
	return world{types: types, converter: sameFields{served}, creater: untypedCreater{}}, err
}

func (w world) read(object map[string]any) (runtime.Object, error) {
	u := &unstructured.Unstructured{Object: object}
	if w.scheme == nil {
		return u, nil
	}
	typed, err := w.scheme.New(u.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	return typed, json.Unmarshal(data, typed)
}

// resets are the paths that an endpoint cannot change.
func (w world) resets(kind schema.GroupVersionKind, subresource string, hasStatus bool) map[fieldpath.APIVersion]fieldpath.Filter {
	if !hasStatus {
		return nil
	}
	set := fieldpath.NewSet(fieldpath.MakePathOrDie("status"))
	if kind.Kind == "CertificateSigningRequest" {
		set.Insert(fieldpath.MakePathOrDie("spec"))
	}
	if subresource == "status" {
		set = fieldpath.NewSet(fieldpath.MakePathOrDie("spec"))
		if kind.Kind == "Deployment" {
			set.Insert(fieldpath.MakePathOrDie("metadata", "labels"))
		}
		if kind.Kind == "Pod" {
			set.Insert(fieldpath.MakePathOrDie("metadata", "deletionTimestamp"))
			set.Insert(fieldpath.MakePathOrDie("metadata", "ownerReferences"))
		}
	}
	return map[fieldpath.APIVersion]fieldpath.Filter{fieldpath.APIVersion(kind.GroupVersion().String()): fieldpath.NewExcludeSetFilter(set)}
}

func (w world) manager(kind schema.GroupVersionKind, subresource string, hasStatus bool) (*managedfields.FieldManager, error) {
	resets := w.resets(kind, subresource, hasStatus)
	hub := kind.GroupVersion()
	if w.scheme == nil {
		return managedfields.NewDefaultCRDFieldManager(w.types, w.converter, noDefaults{}, w.creater, kind, hub, subresource, resets)
	}
	return managedfields.NewDefaultFieldManager(w.types, w.converter, noDefaults{}, w.creater, kind, hub, subresource, resets)
}

var withoutStatus = map[string]bool{
	"ConfigMap": true, "Secret": true, "NetworkPolicy": true, "Role": true, "ClusterRole": true, "RoleBinding": true,
	"ClusterRoleBinding": true, "ServiceAccount": true, "LimitRange": true, "Endpoints": true, "Lease": true,
	"PriorityClass": true, "StorageClass": true, "IngressClass": true, "EndpointSlice": true, "PodTemplate": true,
	"ControllerRevision": true, "CSIDriver": true, "CSINode": true, "CSIStorageCapacity": true, "Event": true,
	"IPAddress": true, "MutatingWebhookConfiguration": true, "ValidatingAdmissionPolicyBinding": true,
	"VolumeAttributesClass": true,
}

// stored is the object as it comes back from storage.
func (w world) stored(object runtime.Object) (runtime.Object, error) {
	data, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{}
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	if w.scheme == nil {
		out := &unstructured.Unstructured{}
		return out, out.UnmarshalJSON(data)
	}
	return w.read(fields)
}

func play(builtins, w world, kind schema.GroupVersionKind, versions []string, live runtime.Object, s step) (runtime.Object, outcome) {
	if s.Version != "" {
		kind.Version = s.Version
	}
	fields, err := w.manager(kind, s.Subresource, !withoutStatus[kind.Kind])
	if err != nil {
		return live, outcome{Error: err.Error()}
	}
	var next runtime.Object
	if live == nil {
		live, err = w.creater.New(kind)
		if err != nil {
			return nil, outcome{Error: err.Error()}
		}
	} else if live, err = w.converter.ConvertToVersion(live, kind.GroupVersion()); err != nil {
		return live, outcome{Error: err.Error()}
	}
	untouched := live.DeepCopyObject()
	switch {
	case s.Subresource == "scale":
		next, err = scaled(builtins, w, kind, versions, live, s)
	case s.Op == "apply":
		next, err = fields.Apply(live, &unstructured.Unstructured{Object: s.Object}, s.Manager, s.Force)
	default:
		var object runtime.Object
		if object, err = w.read(s.Object); err == nil {
			next = fields.UpdateNoErrors(live, object, s.Manager)
		}
	}
	if err != nil {
		var status apierrors.APIStatus
		if errors.As(err, &status) && status.Status().Reason == metav1.StatusReasonConflict {
			causes := status.Status().Details.Causes
			sort.SliceStable(causes, func(i, j int) bool { return causes[i].Message < causes[j].Message })
			return untouched, outcome{Conflicts: causes, Message: status.Status().Message}
		}
		code := int32(500)
		if status != nil {
			code = status.Status().Code
		}
		return untouched, outcome{Error: err.Error(), Code: code}
	}
	if err := setTimes(next, s.Time); err != nil {
		return untouched, outcome{Error: err.Error()}
	}
	next.GetObjectKind().SetGroupVersionKind(kind)
	accessor, err := meta.Accessor(next)
	if err == nil {
		accessor.SetUID("uid") // what the registry sets on create
	}
	if next, err = w.stored(next); err != nil {
		return untouched, outcome{Error: err.Error()}
	}
	return next, outcome{Object: next.DeepCopyObject()}
}

func run(builtins world, in sequence) any {
	parts := strings.Split(in.Kind, "/")
	kind := schema.GroupVersionKind{Version: parts[len(parts)-2], Kind: parts[len(parts)-1]}
	if len(parts) == 3 {
		kind.Group = parts[0]
	}
	w := builtins
	versions := []string{kind.Version}
	if in.CRD != nil {
		versions = versions[:0]
		for version := range in.CRD {
			versions = append(versions, version)
		}
		var err error
		if w, err = custom(kind, in.CRD); err != nil {
			return map[string]any{"error": err.Error()}
		}
	}
	var live runtime.Object
	steps := []outcome{}
	for _, s := range in.Steps {
		var o outcome
		had := live != nil
		live, o = play(builtins, w, kind, versions, live, s)
		if !had && o.Object == nil {
			live = nil
		}
		steps = append(steps, o)
	}
	return map[string]any{"steps": steps}
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: ssa-oracle OPENAPI_V3_DIR < sequences > answers")
	}
	builtins := builtin(os.Args[1])
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		var s sequence
		if err := json.Unmarshal(in.Bytes(), &s); err != nil {
			log.Fatal(err)
		}
		if err := json.NewEncoder(out).Encode(run(builtins, s)); err != nil {
			log.Fatal(err)
		}
	}
}
