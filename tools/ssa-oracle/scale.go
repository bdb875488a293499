package main

import (
	"fmt"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

var scaleKind = autoscalingv1.SchemeGroupVersion.WithKind("Scale")

// scaled plays one write of the Scale of live: as the registries do it, the Scale has the managers of the replicas, its own
// field manager tracks or applies, and what that leaves becomes the managers of the object.
func scaled(builtins, w world, kind schema.GroupVersionKind, versions []string, live runtime.Object, s step) (runtime.Object, error) {
	data, err := runtime.DefaultUnstructuredConverter.ToUnstructured(live)
	if err != nil {
		return nil, err
	}
	parent := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(data)}
	paths := managedfields.ResourcePathMappings{}
	for _, version := range versions {
		gv := schema.GroupVersion{Group: kind.Group, Version: version}
		paths[gv.String()] = fieldpath.MakePathOrDie("spec", "replicas")
	}
	handler := managedfields.NewScaleHandler(parent.GetManagedFields(), kind.GroupVersion(), paths)
	entries, err := handler.ToSubresource()
	if err != nil {
		return nil, err
	}
	replicas, _, err := unstructured.NestedInt64(parent.Object, "spec", "replicas")
	if err != nil {
		return nil, err
	}
	old := &autoscalingv1.Scale{
		TypeMeta:   metav1.TypeMeta{APIVersion: scaleKind.GroupVersion().String(), Kind: scaleKind.Kind},
		ObjectMeta: metav1.ObjectMeta{Name: parent.GetName(), Namespace: parent.GetNamespace(), UID: parent.GetUID(), ManagedFields: entries},
		Spec:       autoscalingv1.ScaleSpec{Replicas: int32(replicas)},
	}
	fields, err := managedfields.NewDefaultFieldManager(builtins.types, builtins.converter, noDefaults{}, builtins.creater, scaleKind, scaleKind.GroupVersion(), "scale", nil)
	if err != nil {
		return nil, err
	}
	var next runtime.Object
	if s.Op == "apply" {
		if next, err = fields.Apply(old, &unstructured.Unstructured{Object: s.Object}, s.Manager, s.Force); err != nil {
			return nil, err
		}
	} else {
		object, err := builtins.read(s.Object)
		if err != nil {
			return nil, err
		}
		next = fields.UpdateNoErrors(old, object, s.Manager)
	}
	scale, ok := next.(*autoscalingv1.Scale)
	if !ok {
		return nil, fmt.Errorf("a Scale became %T", next)
	}
	managers, err := handler.ToParent(scale.ManagedFields)
	if err != nil {
		return nil, err
	}
	if err := unstructured.SetNestedField(parent.Object, int64(scale.Spec.Replicas), "spec", "replicas"); err != nil {
		return nil, err
	}
	parent.SetManagedFields(managers)
	parent.SetGroupVersionKind(kind)
	if w.scheme == nil {
		return parent, nil
	}
	return w.read(parent.Object)
}
