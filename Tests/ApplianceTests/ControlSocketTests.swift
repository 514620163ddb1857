import Appliance
import Foundation
import Glibc
import Kernel
import Logging
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(1))) struct ControlSocketTests {
    private func quiet() -> Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }

    /// Serves `data`'s socket while `body` runs.
    private func serve(_ data: String, _ body: @escaping @Sendable (ControlClient) async throws -> Void) async throws {
        let socket = ControlSocket(data: data, logger: quiet()) { request in
            if request.path == "/refuse" { throw Problem(.notFound, "There is no such key.", param: "id") }
            if request.path == "/fail" { throw DiskFailure(path: "secret/path", reason: "test") }
            return ["method": .string(request.method), "path": .string(request.path), "body": request.body, "actor": .string(request.actor)]
        }
        let client = ControlClient(data: data, network: World.live().network)
        let group = ServiceGroup(services: [socket], logger: quiet())
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            while try await client.sendIfRunning("GET", "/ready") == nil { await Task.yield() }
            try await body(client)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test func `a command is answered, and says who asks`() async throws {
        let data = "/tmp/till-tests-" + Hex.encode(LiveChance().bytes(8))
        try await serve(data) { client in
            let answer = try await client.send("POST", "/keys", ["name": "till"])
            #expect(answer["method"]?.text == "POST")
            #expect(answer["path"]?.text == "/keys")
            #expect(answer["body"]?["name"]?.text == "till")
            #expect(answer["actor"]?.text == "local:\(geteuid())")
            var found = stat()
            #expect(stat(data + ".sock", &found) == 0)
            #expect(found.st_mode & 0o777 == 0o600)
        }
        #expect(!FileManager.default.fileExists(atPath: data + ".sock"))
    }

    @Test func `a refusal crosses whole, a failure without its text`() async throws {
        let data = "/tmp/till-tests-" + Hex.encode(LiveChance().bytes(8))
        try await serve(data) { client in
            let refusal = await #expect(throws: Problem.self) { try await client.send("POST", "/refuse") }
            #expect(refusal?.code.name == "not_found")
            #expect(refusal?.param == "id")
            let failure = await #expect(throws: Problem.self) { try await client.send("POST", "/fail") }
            #expect(failure?.code.name == "internal_error")
            #expect(failure?.detail.contains("secret") == false)
        }
    }

    @Test func `a long path has a short socket`() async throws {
        let data = "/tmp/" + String(repeating: "a", count: 120)
        let path = ControlSocket.path(data: data)
        #expect(path.hasPrefix("/tmp/till-\(geteuid())/"))
        #expect(path.utf8.count <= ControlSocket.pathBytesMax)
        #expect(ControlSocket.path(data: data + "b") != path)
        try await serve(data) { client in
            let answer = try await client.send("GET", "/long")
            #expect(answer["path"]?.text == "/long")
        }
    }

    @Test func `without a server there is no answer to wait for`() async throws {
        let client = ControlClient(data: "/tmp/till-tests-nobody", network: World.live().network)
        #expect(try await client.sendIfRunning("GET", "/ready") == nil)
        await #expect(throws: ControlFailure.notRunning) { try await client.send("GET", "/ready") }
    }
}
