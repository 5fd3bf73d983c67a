package main

import (
	"fmt"
	"strings"
)

// A part is a section of the document: the same tasks by the same peers.
type part struct {
	name, title string
	about       string // how it was measured
	peers       []peer // davdisk is the first
	tasks       []task
	figures     func(part, []row) string          // its tables
	chart       func(part, []row) ([]byte, error) // nil: none
}

// partNames are the parts in the order of the document.
var partNames = []string{"upstream", "wire", "local", "growth", "memory"}

func parts(found programs, z sizes) []part {
	upstream, local := upstreamPeers(found), localPeers(found)
	// both are the peers that stand for their kind in the parts that have both.
	both := func(local []peer) []peer {
		var all []peer
		for _, p := range local {
			p.name += ", folder"
			all = append(all, p)
		}
		for _, p := range upstream[:min(2, len(upstream))] {
			p.name += ", disk"
			all = append(all, p)
		}
		return all
	}
	return []part{
		{
			name: "upstream", title: "A cloud store, beside rclone",
			about: "The servers reach the same emulated Yandex Disk the same way, by HTTPS through a proxy, " + fmt.Sprint(z.latency.Milliseconds()) + " ms away unless said. Each begins cold: " +
				"it was started for the task and has seen none of its files. davdisk's own limit of 40 API requests a second is off (`--yandex-rate 0`), because rclone has none. " +
				"Where the rate of each download is limited, rclone " + strings.TrimPrefix(rcloneVersion, "v") + " runs with `--vfs-read-chunk-streams 4 --vfs-read-chunk-size 8M`. A 429 has `Retry-After: 1`. The programs that copy are `davdisk sync` and `rclone copy`. CPU is that of the server, or of the program, alone.",
			peers: upstream, tasks: upstreamTasks(z), figures: upstreamTables, chart: timeChart,
		},
		{
			name: "wire", title: "One large file, beside a plain proxy",
			about: "The same emulated disk, 0 ms away, by HTTPS. nginx is told the link of the file and passes bytes on; curl is no server, and shows what the client and the disk need by themselves; the others find the link, and davdisk compares what it passes with its hash.",
			peers: wirePeers(found), tasks: wireTasks(z), figures: upstreamTables,
		},
		{
			name: "local", title: "A folder of this machine, beside other servers",
			about: "Each server serves the same files in a folder of its own. What is read has been read once before. " +
				"CPU is that of the server with its workers, for one request; the client runs on the same cores, so time says less than CPU.",
			peers: local, tasks: localTasks(z), figures: localTables, chart: cpuChart,
		},
		{
			name: "growth", title: "How cost grows",
			about: "CPU of the server for one entry, one request or one MiB: a line that does not bend stays level. " +
				"A step that costs at least half as much again as the one before is **bold**. The disk is the emulated one, 0 ms away.",
			peers: both(localOf(local, "davdisk", "nginx")), tasks: growthTasks(z), figures: growthTable,
		},
		{
			name: "memory", title: "Memory, beside other servers",
			about: "The peak (VmHWM) of the server and its workers since it was started. The disk is the emulated one, 0 ms away.",
			peers: both(local), tasks: memoryTasks(z), figures: memoryTable,
		},
	}
}

// localOf are the peers with these names.
func localOf(peers []peer, names ...string) []peer {
	var some []peer
	for _, p := range peers {
		for _, name := range names {
			if p.name == name {
				some = append(some, p)
			}
		}
	}
	return some
}
