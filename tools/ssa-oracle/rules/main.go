// Command rules answers, for built-in objects, what a real API server makes of them: defaults, and the Status of a
// refusal. It reads JSON lines {"object": …, "old": …?, "onlyDefaults"?} and prints {"object": …} or {"status": …} for each.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	_ "k8s.io/kubernetes/pkg/apis/coordination/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/discovery/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"
	_ "k8s.io/kubernetes/pkg/apis/scheduling/install"
	_ "k8s.io/kubernetes/pkg/apis/storage/install"
	"k8s.io/kubernetes/pkg/registry/apps/daemonset"
	"k8s.io/kubernetes/pkg/registry/apps/deployment"
	"k8s.io/kubernetes/pkg/registry/apps/replicaset"
	"k8s.io/kubernetes/pkg/registry/apps/statefulset"
	"k8s.io/kubernetes/pkg/registry/autoscaling/horizontalpodautoscaler"
	"k8s.io/kubernetes/pkg/registry/batch/cronjob"
	"k8s.io/kubernetes/pkg/registry/batch/job"
	"k8s.io/kubernetes/pkg/registry/coordination/lease"
	"k8s.io/kubernetes/pkg/registry/core/configmap"
	"k8s.io/kubernetes/pkg/registry/core/limitrange"
	"k8s.io/kubernetes/pkg/registry/core/namespace"
	"k8s.io/kubernetes/pkg/registry/core/node"
	"k8s.io/kubernetes/pkg/registry/core/persistentvolume"
	"k8s.io/kubernetes/pkg/registry/core/persistentvolumeclaim"
	"k8s.io/kubernetes/pkg/registry/core/pod"
	"k8s.io/kubernetes/pkg/registry/core/resourcequota"
	"k8s.io/kubernetes/pkg/registry/core/secret"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/core/serviceaccount"
	"k8s.io/kubernetes/pkg/registry/networking/ingress"
	"k8s.io/kubernetes/pkg/registry/networking/networkpolicy"
	"k8s.io/kubernetes/pkg/registry/policy/poddisruptionbudget"
	"k8s.io/kubernetes/pkg/registry/scheduling/priorityclass"
	"k8s.io/kubernetes/pkg/registry/storage/storageclass"
)

type strategy interface {
	rest.RESTCreateStrategy
	rest.RESTUpdateStrategy
}

var strategies = map[string]strategy{
	"Deployment": deployment.Strategy, "StatefulSet": statefulset.Strategy, "DaemonSet": daemonset.Strategy,
	"ReplicaSet": replicaset.Strategy, "Job": job.Strategy, "CronJob": cronjob.Strategy, "Pod": pod.Strategy,
	"Service": service.Strategy, "ConfigMap": configmap.Strategy, "Secret": secret.Strategy,
	"Ingress": ingress.Strategy, "NetworkPolicy": networkpolicy.Strategy, "Namespace": namespace.Strategy,
	"PersistentVolumeClaim": persistentvolumeclaim.Strategy, "PersistentVolume": persistentvolume.Strategy,
	"PodDisruptionBudget": poddisruptionbudget.Strategy, "HorizontalPodAutoscaler": horizontalpodautoscaler.Strategy,
	"ServiceAccount": serviceaccount.Strategy, "Lease": lease.Strategy, "LimitRange": limitrange.Strategy,
	"ResourceQuota": resourcequota.Strategy, "Node": node.Strategy, "PriorityClass": priorityclass.Strategy,
	"StorageClass": storageclass.Strategy,
}

type request struct {
	Object json.RawMessage `json:"object"`
	Old    json.RawMessage `json:"old,omitempty"`
	// OnlyDefaults skips what the server's rules would refuse.
	OnlyDefaults bool `json:"onlyDefaults,omitempty"`
}

type answer struct {
	Object any    `json:"object,omitempty"`
	Status any    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
}

// internal decodes with defaults into the type that the server's rules are written for.
func internal(data []byte) (runtime.Object, runtime.Object, error) {
	versioned, _, err := legacyscheme.Codecs.UniversalDeserializer().Decode(data, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	legacyscheme.Scheme.Default(versioned)
	hub, err := legacyscheme.Scheme.UnsafeConvertToVersion(versioned.DeepCopyObject(), runtime.InternalGroupVersioner)
	return versioned, hub, err
}

func examine(in request) answer {
	versioned, hub, err := internal(in.Object)
	if err != nil {
		return answer{Error: err.Error()}
	}
	gvk := versioned.GetObjectKind().GroupVersionKind()
	accessor, err := meta.Accessor(hub)
	if err != nil {
		return answer{Error: err.Error()}
	}
	if in.OnlyDefaults {
		return answered(hub, gvk)
	}
	ctx := genericapirequest.WithNamespace(context.Background(), accessor.GetNamespace())
	ctx = genericapirequest.WithRequestInfo(ctx, &genericapirequest.RequestInfo{IsResourceRequest: true, APIGroup: gvk.Group, APIVersion: gvk.Version})
	s, ok := strategies[gvk.Kind]
	if !ok {
		return answer{Error: "no strategy for " + gvk.Kind}
	}
	if in.Old == nil {
		rest.FillObjectMetaSystemFields(accessor)
		err = rest.BeforeCreate(s, ctx, hub)
	} else {
		_, old, oldErr := internal(in.Old)
		if oldErr != nil {
			return answer{Error: oldErr.Error()}
		}
		err = rest.BeforeUpdate(s, ctx, hub, old)
	}
	if err != nil {
		var status apierrors.APIStatus
		if errors.As(err, &status) {
			return answer{Status: status.Status()}
		}
		return answer{Error: err.Error()}
	}
	return answered(hub, gvk)
}

// answered is the object as a response of the version that was asked for.
func answered(hub runtime.Object, gvk schema.GroupVersionKind) answer {
	back, err := legacyscheme.Scheme.ConvertToVersion(hub, gvk.GroupVersion())
	if err != nil {
		return answer{Error: err.Error()}
	}
	back.GetObjectKind().SetGroupVersionKind(gvk)
	return answer{Object: back}
}

func guarded(in request) (out answer) {
	defer func() {
		if r := recover(); r != nil {
			out = answer{Error: fmt.Sprint("panic: ", r)}
		}
	}()
	return examine(in)
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		var r request
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			log.Fatal(err)
		}
		if err := json.NewEncoder(out).Encode(guarded(r)); err != nil {
			log.Fatal(err)
		}
	}
}
