package main

import (
	"sort"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// setTimes puts the sequence's time where the field manager wrote that of the machine.
func setTimes(object runtime.Object, seconds int64) error {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	recent := metav1.Now().Unix() - 3600
	entries := accessor.GetManagedFields()
	for i := range entries {
		if entries[i].Time != nil && entries[i].Time.Unix() > recent {
			t := metav1.Unix(seconds, 0).Rfc3339Copy()
			entries[i].Time = &t
		}
	}
	sort.SliceStable(entries, func(i, j int) bool { return before(entries[i], entries[j]) })
	accessor.SetManagedFields(entries)
	return nil
}

// before is the order of managedFields, restored after the times were set.
func before(p, q metav1.ManagedFieldsEntry) bool {
	if p.Operation != q.Operation {
		return p.Operation < q.Operation
	}
	ps, qs := int64(0), int64(0)
	if p.Time != nil {
		ps = p.Time.Unix()
	}
	if q.Time != nil {
		qs = q.Time.Unix()
	}
	if ps != qs {
		return ps < qs
	}
	if p.Manager != q.Manager {
		return p.Manager < q.Manager
	}
	if p.APIVersion != q.APIVersion {
		return p.APIVersion < q.APIVersion
	}
	return p.Subresource < q.Subresource
}
