import HTTPTypes
import Kernel
import Storage

/// What `/health` and its kin answer.
enum HealthDocument {
    static let health = Schema.object([("status", Schema.text), ("service", Schema.text), ("version", Schema.text)])
    static let alive = Schema.object([("status", Schema.text)])
    static let ready = Schema.object([("status", Schema.oneOf(["ready", "not_ready"])), ("reasons", Schema.list(of: Schema.text))])
    static let status = Schema.object([
        ("status", Schema.oneOf(["ok", "degraded"])), ("parts", Schema.list(of: Schema.object([("name", Schema.text), ("state", Schema.text)]))),
    ])
}

extension Counter {
    func health(_ call: Call) async throws -> Reply {
        .json(["status": "ok", "service": "till", "version": .string(options.version)])
    }

    func live(_ call: Call) async throws -> Reply { Reply(body: .encoded(Array(#"{"status":"ok"}"#.utf8))) }

    func ready(_ call: Call) async throws -> Reply {
        var reasons = options.notReady()
        if let stopped = store.stopped { reasons.append("writing has stopped: \(stopped)") }
        let isReady = reasons.isEmpty
        return .json(
            ["status": isReady ? "ready" : "not_ready", "reasons": .array(reasons.map(JSON.string))],
            status: isReady ? .ok : .serviceUnavailable)
    }

    func status(_ call: Call) async throws -> Reply {
        let parts = options.parts()
        let isFine = options.notReady().isEmpty && store.stopped == nil
        return .json([
            "status": isFine ? "ok" : "degraded",
            "parts": .array(parts.map { ["name": .string($0.name), "state": .string($0.state)] }),
        ])
    }
}
