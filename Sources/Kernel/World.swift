/// The doors to everything the program cannot compute for itself.
///
/// Code below `Appliance` never reads the system clock, the system random
/// generator, a socket or a snapshot file: it asks the world it was handed. The
/// binary runs in `World.live`; tests and the simulator run in
/// `World.simulated(seed:)`, where the same seed always gives the same run.
package struct World: Sendable {
    package var time: any Time
    package var chance: any Chance
    package var network: any Network
    package var disk: any Disk
    /// Shared by copies of this world, so that ids never go back.
    package let ids = IDs()

    package init(time: any Time, chance: any Chance, network: any Network, disk: any Disk) {
        self.time = time
        self.chance = chance
        self.network = network
        self.disk = disk
    }

    /// A new id, above every one issued before. See `IDPrefix`.
    package func newID(_ prefix: IDPrefix) -> String {
        ids.next(prefix, at: time.now(), random: chance.bytes(10))
    }
}

/// The time of day, and waiting.
package protocol Time: Sendable {
    /// The wall-clock time, UTC. It may jump; never subtract two to time something.
    func now() -> Timestamp

    /// Time since some fixed moment, which never jumps. For measuring and timeouts.
    func elapsed() -> Duration

    /// Suspends for `duration`. Throws `CancellationError` when the task is cancelled first.
    func sleep(for duration: Duration) async throws
}

/// Randomness fit for secrets.
package protocol Chance: Sendable {
    /// Returns `count` unpredictable bytes.
    func bytes(_ count: Int) -> [UInt8]
}

/// Outgoing HTTP.
package protocol Network: Sendable {
    /// Sends one request, follows no redirect, retries nothing.
    ///
    /// Throws `NetworkFailure`; a 4xx or 5xx answer is an answer, not a failure.
    func send(_ request: Request) async throws -> Answer
}

/// Files beside the database: keys, setup codes, snapshots.
package protocol Disk: Sendable {
    /// The whole file, or nil where there is none. Throws `DiskFailure`.
    func read(_ path: String) throws -> [UInt8]?

    /// Writes a file whole or not at all: temporary name, fsync, rename, fsync of
    /// the directory. Readable by its owner alone (0600). Throws `DiskFailure`.
    func write(_ bytes: [UInt8], to path: String) throws

    /// Removes a file; nothing happens where there is none.
    func remove(_ path: String) throws

    /// Bytes an ordinary user may still write on the file system that holds `path`.
    func freeBytes(at path: String) throws -> Int64
}

/// A file could not be read or written. The reason is the system's own text.
package struct DiskFailure: Error, Sendable, Equatable {
    package let path: String
    package let reason: String
    package init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }
}

/// One outgoing HTTP request.
package struct Request: Sendable, Equatable {
    package var method: String
    package var url: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// Longest wait for the whole exchange.
    package var timeout: Duration
    /// Bytes of the answer's body that are kept; what is beyond is dropped.
    package var answerBytesMax: Int
    /// The unix socket to dial instead of the address in `url`.
    package var socket: String?

    package init(
        method: String, url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        timeout: Duration = .seconds(30), answerBytesMax: Int = 1 << 20, socket: String? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.answerBytesMax = answerBytesMax
        self.socket = socket
    }

    package static func == (a: Self, b: Self) -> Bool {
        a.method == b.method && a.url == b.url && a.body == b.body && a.socket == b.socket
            && a.headers.elementsEqual(b.headers) { $0 == $1 }
    }
}

/// What came back.
package struct Answer: Sendable, Equatable {
    package var status: Int
    /// Names in lower case, in the order received.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first header called `name` (lower case).
    package func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    package static func == (a: Self, b: Self) -> Bool {
        a.status == b.status && a.body == b.body && a.headers.elementsEqual(b.headers) { $0 == $1 }
    }
}

/// Nothing left this machine, or it may have: the two need opposite handling.
package enum NetworkFailure: Error, Sendable, Equatable {
    /// The connection was never made. Safe to send again.
    case unreachable
    /// Sent, and no answer came. It may have taken effect: ask before sending again.
    case noAnswer
}
