import Foundation
import Kernel
import Logging
import Simulation
import Storage
import Testing

@testable import Appliance

/// What commands ask of a data file.
@Suite struct ControlTests {
    /// An appliance on a directory of its own.
    private final class Opened: Sendable {
        let directory: String
        let appliance: Appliance
        let time: SimulatedTime

        init(_ flags: [String: String] = [:]) async throws {
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent("till-\(UUID().uuidString)").path
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            var all: [String: String] = ["data": directory + "/till.sqlite", "backups": directory + "/backups/", "seller_name": "Tea and cake"]
            all.merge(flags) { _, given in given }
            var source = SettingSource(flags: all)
            let settings = try Settings(from: &source)
            let simulated = World.simulated(seed: 1)
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            appliance = try await Appliance.open(settings, world: simulated.world, logger: logger)
            time = simulated.time
            self.directory = directory
        }

        deinit { try? FileManager.default.removeItem(atPath: directory) }

        func ask(_ method: String, _ path: String, _ body: JSON = .null) async throws -> JSON {
            try await Control(appliance: appliance, publicURL: "http://till.test").answer(
                ControlRequest(method: method, path: path, body: body, userID: 1_000))
        }

        /// The code by which a request is refused, or nil where it is not.
        func refusal(_ method: String, _ path: String, _ body: JSON = .null) async throws -> String? {
            do {
                _ = try await ask(method, path, body)
                return nil
            } catch let problem as Problem {
                return problem.code.name
            }
        }
    }

    @Test func `a key is made, listed and revoked`() async throws {
        let opened = try await Opened()
        let made = try await opened.ask("POST", "/keys", ["name": "shop", "scopes": ["write", "payments"]])
        let id = try #require(made["id"]?.text)
        let secret = try #require(made["secret"]?.text)
        #expect(secret.hasPrefix("sk_test_"))
        let list = try await opened.ask("GET", "/keys")
        let key = try #require(list["data"]?.items?.first)
        #expect(list["data"]?.items?.count == 1)
        #expect(key["id"]?.text == id && key["name"]?.text == "shop" && key["livemode"]?.flag == false && key["revoked_at"]?.isNull == true)
        #expect(key["scopes"]?.items?.compactMap(\.text) == ["payments", "write"])
        #expect(!list.compact.contains(secret), "shown once")
        for _ in 0..<2 {
            let revoked = try await opened.ask("POST", "/keys/revoke", ["id": .string(id)])
            #expect(revoked["revoked"]?.flag == true)
        }
        let after = try await opened.ask("GET", "/keys")
        #expect(after["data"]?.items?.first?["revoked_at"]?.text?.isEmpty == false)
        #expect(try await opened.refusal("POST", "/keys/revoke", ["id": "key_1"]) == "api_key_not_found")
        try await opened.appliance.close()
    }

    /// A request that is refused.
    struct Refused: Sendable {
        let path: String
        let body: JSON
        let code: String
    }

    static let refused: [Refused] = [
        Refused(path: "/keys", body: .null, code: "invalid_field"),
        Refused(path: "/keys", body: ["scopes": ["read"]], code: "missing_field"),
        Refused(path: "/keys", body: ["name": "shop"], code: "invalid_field"),
        Refused(path: "/keys", body: ["name": "shop", "scopes": []], code: "invalid_field"),
        Refused(path: "/keys", body: ["name": "shop", "scopes": ["read", "all"]], code: "invalid_field"),
        Refused(path: "/keys", body: ["name": "shop", "scopes": ["read"], "live": true], code: "invalid_field"),
        Refused(path: "/keys", body: ["name": "shop", "scopes": ["read"], "colour": "green"], code: "unknown_field"),
        Refused(path: "/keys/revoke", body: [:], code: "missing_field"),
        Refused(path: "/nothing", body: .null, code: "not_found"),
    ]

    @Test func `what cannot be done is refused with its reason`() async throws {
        let opened = try await Opened()
        for refused in Self.refused {
            #expect(try await opened.refusal("POST", refused.path, refused.body) == refused.code, "\(refused.body.compact)")
        }
        #expect(try await opened.refusal("GET", "/setup-code") == "not_found", "a look makes no code")
        #expect(try await opened.ask("GET", "/keys")["data"]?.items?.isEmpty == true)
        try await opened.appliance.close()
    }

    @Test func `in live mode a live key can be made`() async throws {
        let opened = try await Opened(["mode": "live"])
        let made = try await opened.ask("POST", "/keys", ["name": "shop", "scopes": ["read"], "live": true])
        #expect(made["secret"]?.text?.hasPrefix("sk_live_") == true)
        let id = try #require(made["id"]?.text)
        #expect(try await opened.ask("POST", "/keys/revoke", ["id": .string(id)])["revoked"]?.flag == true)
        try await opened.appliance.close()
    }

    @Test func `each setup link is new, and its code stays out of logs`() async throws {
        let opened = try await Opened()
        let first = try #require(try await opened.ask("POST", "/setup-code")["setup_url"]?.text)
        let answer = try await opened.ask("POST", "/setup-code")
        let second = try #require(answer["setup_url"]?.text)
        #expect(first.hasPrefix("http://till.test/admin/setup#code="))
        #expect(first != second)
        #expect(answer["admin_url"]?.text == "http://till.test/admin")
        try await opened.appliance.close()
    }

    @Test func `the doctor and the ledger's own check find nothing wrong with a new file`() async throws {
        let opened = try await Opened()
        let doctor = try await opened.ask("POST", "/doctor")
        #expect(doctor["ok"]?.flag == true, "\(doctor.compact)")
        #expect(doctor["data"]?.text == opened.directory + "/till.sqlite")
        let claims = doctor["checks"]?.items?.compactMap { $0["claim"]?.text } ?? []
        #expect(claims == Tables.questions.map(\.claim))
        #expect(Set(claims).count == claims.count, "each question is asked once")
        let ledger = try await opened.ask("POST", "/ledger/verify")
        #expect(ledger["ok"]?.flag == true)
        #expect((ledger["checks"]?.items?.count ?? 0) < claims.count)
        try await opened.appliance.close()
    }

    /// Opens the file under `name`, makes a key, and closes it: how many keys there are then, and which data key was used.
    private func visit(_ directory: String, as name: String) async throws -> (keys: Int, dataKey: String) {
        let secret = String(repeating: "ab", count: 32)
        let opened = try await Opened(["data": directory + "/till.sqlite", "seller_name": name, "data_key": secret])
        _ = try await opened.ask("POST", "/keys", ["name": "shop", "scopes": ["read"]])
        let keys = try await opened.ask("GET", "/keys")["data"]?.items?.count ?? 0
        try await opened.appliance.close()
        return (keys: keys, dataKey: opened.appliance.dataKey.fingerprint)
    }

    @Test func `a file is opened again with the seller it has, whatever the shop is called now`() async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("till-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let first = try await visit(directory, as: "Tea")
        let second = try await visit(directory, as: "Cake")
        #expect(first.keys == 1 && second.keys == 2)
        #expect(first.dataKey == second.dataKey)
    }
}
