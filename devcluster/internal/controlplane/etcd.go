package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	// The sockets are named relative to the working directory, which is the
	// cluster's: the absolute path may well be longer than the 108 bytes that a
	// socket address holds. File permissions guard them; a TCP port would let
	// every local user past RBAC.
	etcdClientSocket = "unix://etcd.sock"
	etcdPeerSocket   = "unix://etcd-peer.sock"
	// Nobody calls etcd's HTTP interface; on a socket of its own it leaves the
	// client's to gRPC alone, which spares every connection some guessing.
	etcdHTTPSocket = "unix://etcd-http.sock"

	// etcdAdvertised is never dialled: there is one member. etcd insists on a
	// host and a port, and remembers it, so it must stay the same.
	etcdAdvertised = "http://localhost:2380"

	// A single member wins every election; short ticks only make it start sooner.
	etcdTickMilliseconds     = 10
	etcdElectionMilliseconds = 100

	// etcdQuota is the most that etcd recommends, four times its default, so
	// that benchmarks do not meet it.
	etcdQuota = 8 << 30
)

// startEtcd starts etcd on its data directory and returns when it serves.
func startEtcd(ctx context.Context, data string, fsync bool, log io.Writer) (*embed.Etcd, error) {
	config := embed.NewConfig()
	config.Name = "devcluster"
	config.Dir = data
	config.ListenClientUrls = parseURLs(etcdClientSocket)
	config.ListenClientHttpUrls = parseURLs(etcdHTTPSocket)
	config.ListenPeerUrls = parseURLs(etcdPeerSocket)
	config.AdvertiseClientUrls = parseURLs(etcdAdvertised)
	config.AdvertisePeerUrls = parseURLs(etcdAdvertised)
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.TickMs = etcdTickMilliseconds
	config.ElectionMs = etcdElectionMilliseconds
	config.QuotaBackendBytes = etcdQuota
	config.UnsafeNoFsync = !fsync
	// Embedded, etcd does not set its own default and complains of every request.
	config.WarningUnaryRequestDuration = embed.DefaultWarningUnaryRequestDuration
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(warnings(log))

	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case err = <-etcd.Err():
	case <-etcd.Server.StopNotify():
		err = errors.New("it stopped before it was ready")
	case <-ctx.Done():
		err = ctx.Err()
	}
	etcd.Close()
	return nil, fmt.Errorf("start etcd: %w", err)
}

// warnings is a logger for what etcd thinks is out of order.
func warnings(log io.Writer) *zap.Logger {
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.ISO8601TimeEncoder
	return zap.New(zapcore.NewCore(
		zapcore.NewConsoleEncoder(encoding), zapcore.Lock(zapcore.AddSync(log)), zapcore.WarnLevel))
}

func parseURLs(text string) []url.URL {
	parsed, err := url.Parse(text)
	if err != nil {
		panic(err) // the texts are the constants above
	}
	return []url.URL{*parsed}
}
