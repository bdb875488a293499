// Command etcd is one etcd member without a cluster, for control planes that live as long as a test or a demo. It is a
// binary of its own: etcd's server links net/trace, which would keep the linker from dropping dead code in everything beside it.
package main

import (
	"flag"
	"log"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"go.etcd.io/etcd/server/v3/embed"
)

func main() {
	dataDir := flag.String("data-dir", "", "folder of the data")
	clientURL := flag.String("listen-client-urls", "http://127.0.0.1:2379", "one URL")
	peerURL := flag.String("listen-peer-urls", "http://127.0.0.1:2380", "one URL")
	advertised := flag.String("advertise-client-urls", "", "one URL; default: as listened on")
	noSync := flag.Bool("unsafe-no-fsync", false, "do not wait for the disk: a power cut may lose data, a killed process does not")
	snapshots := flag.Uint64("snapshot-count", 5000, "entries between two snapshots")
	quota := flag.Int64("quota-backend-bytes", 4<<30, "bytes")
	flag.Parse()

	config := embed.NewConfig()
	config.Dir, config.UnsafeNoFsync, config.SnapshotCount, config.QuotaBackendBytes = *dataDir, *noSync, *snapshots, *quota
	config.LogLevel = "error"
	if *advertised == "" {
		advertised = clientURL
	}
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{parse(*clientURL)}, []url.URL{parse(*advertised)}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{parse(*peerURL)}, []url.URL{parse(*peerURL)}
	config.InitialCluster = config.InitialClusterFromName(config.Name)

	server, err := embed.StartEtcd(config)
	if err != nil {
		log.Fatal(err)
	}
	<-server.Server.ReadyNotify()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	select {
	case <-stop:
	case err = <-server.Err():
		log.Print(err)
	}
	server.Close()
	if err != nil {
		os.Exit(1)
	}
}

func parse(text string) url.URL {
	parsed, err := url.Parse(text)
	if err != nil {
		log.Fatal(err)
	}
	return *parsed
}
