import Foundation
import Kernel
import Rails
import Sandbox
import Simulation
import Storage

/// A sandbox in a file of its own, in a simulated world.
final class SandboxFixture: Sendable {
    let store: Store
    let rail: SandboxRail
    let world: SimulatedWorld
    private let directory: URL

    init(seed: UInt64 = 1) throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("till-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        world = World.simulated(seed: seed)
        store = try Store(
            path: directory.appendingPathComponent("till.sqlite").path, schema: SandboxSchema.migrations, now: world.time.now())
        rail = SandboxRail(store: store, time: world.time)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    /// Units that `address` holds.
    func balance(_ address: String) async throws -> Int64 {
        let store = self.store
        return try await store.read { db in try SandboxRail.balance(of: address, in: db).units }
    }

    func audit() async throws -> [String] {
        let store = self.store
        return try await store.read { db in try SandboxRail.audit(in: db) }
    }

    /// Signs, verifies and prepares a payment of `units` from `key` to `payTo`.
    func prepare(_ units: Int64, from key: EVMKey = Buyer.key, to payTo: String = Buyer.payTo, nonce: UInt64) async throws -> PreparedTransaction {
        let requirements = ExactEVMTests.changed(amount: String(units), payTo: payTo)
        let payment = try ExactEVM.pay(requirements, version: 2, key: key, nonce: Buyer.nonce(nonce), at: world.time.now())
        let authorization = try await rail.verify(payment, against: requirements, at: world.time.now())
        return try await rail.prepare(authorization)
    }

    var underTest: RailUnderTest {
        let rail = self.rail
        let time = world.time
        let fixture = self
        return RailUnderTest(
            rail: rail, time: time, requirements: Buyer.requirements,
            pay: { requirements, number in
                try ExactEVM.pay(requirements, version: 2, key: Buyer.key, nonce: Buyer.nonce(number), at: World.simulatedStart)
            },
            received: { try await fixture.balance(Buyer.payTo) - SandboxRail.faucetUnits },
            fault: { fault in
                switch fault {
                case .none: rail.inject(.none)
                case .unreachable: rail.inject(SandboxFaults(failEvery: 1))
                case .lostAnswer: rail.inject(SandboxFaults(loseAnswerEvery: 1))
                }
            })
    }
}
