import Kernel
import Rails
import Sandbox
import Simulation
import Storage
import Testing

@Suite struct SandboxTests {
    @Test("keeps every promise of a rail", arguments: RailConformance.allCases)
    func conforms(_ promise: RailConformance) async throws {
        let fixture = try SandboxFixture()
        try await promise.check(fixture.underTest)
        #expect(try await fixture.audit() == [])
    }

    @Test("an address never seen has 1 000 USDC, and asking writes nothing")
    func faucet() async throws {
        let fixture = try SandboxFixture()
        #expect(try await fixture.balance(Buyer.key.address.checksummed) == 1_000_000_000)
        #expect(try await fixture.balance(Buyer.key.address.lowercased) == 1_000_000_000)
        let transaction = try await fixture.prepare(10_000, nonce: 1)
        let rows: Int = try await fixture.store.read { db in try db.rows("SELECT 1 FROM sandbox_accounts").count }
        #expect(rows == 0)
        #expect(try await fixture.rail.settle(transaction) == .confirmed)
        #expect(try await fixture.balance(Buyer.key.address.lowercased) == 999_990_000)
        #expect(try await fixture.balance(Buyer.payTo) == 1_000_010_000)
        #expect(try await fixture.audit() == [])
    }

    @Test("more than the balance is refused, and everything is not")
    func balance() async throws {
        let fixture = try SandboxFixture()
        #expect(await reason(fixture, "1000000001") == .insufficientBalance)
        #expect(await reason(fixture, "9223372036854775808") == .insufficientBalance)
        #expect(await reason(fixture, UInt256Tests.max) == .insufficientBalance)
        let everything = try await fixture.prepare(1_000_000_000, nonce: 1)
        let oneMore = try await fixture.prepare(1, nonce: 2)
        #expect(try await fixture.rail.settle(everything) == .confirmed)
        #expect(try await fixture.rail.settle(oneMore) == .failed(.insufficientBalance, "The payer holds 0.00 USDC."))
        #expect(try await fixture.balance(Buyer.key.address.checksummed) == 0)
        #expect(try await fixture.audit() == [])
    }

    private func reason(_ fixture: SandboxFixture, _ amount: String) async -> X402Refusal.Reason? {
        await reason(fixture, ExactEVMTests.changed(amount: amount))
    }

    private func reason(_ fixture: SandboxFixture, _ requirements: PaymentRequirements) async -> X402Refusal.Reason? {
        do {
            let now = fixture.world.time.now()
            let payment = try ExactEVM.pay(requirements, version: 2, key: Buyer.key, nonce: Buyer.nonce(1), at: now)
            _ = try await fixture.rail.verify(payment, against: requirements, at: now)
            return nil
        } catch let refusal as X402Refusal {
            return refusal.reason
        } catch {
            Issue.record(error)
            return nil
        }
    }

    @Test("only its own token, under its own name, on its own network")
    func token() async throws {
        let fixture = try SandboxFixture()
        #expect(await reason(fixture, ExactEVMTests.changed(asset: Buyer.payTo)) == .noSuchToken)
        #expect(await reason(fixture, ExactEVMTests.changed(extra: ["name": "USD Coin", "version": "2"])) == .tokenNameMismatch)
        #expect(await reason(fixture, ExactEVMTests.changed(extra: ["name": "USDC", "version": "1"])) == .tokenVersionMismatch)
        #expect(await reason(fixture, ExactEVMTests.changed(network: "eip155:8453")) == .networkMismatch)
    }

    @Test("what was not signed is not executed, even when it is sent without verifying")
    func forged() async throws {
        let fixture = try SandboxFixture()
        let good = try await fixture.prepare(10_000, nonce: 1)
        let text = String(decoding: good.raw, as: UTF8.self)
        let more = Array(text.replacing("\"10000\"", with: "\"90000\"").utf8)
        let expected = Outcome.failed(.transactionFailed, "The transaction is not one of the sandbox's.")
        #expect(try await fixture.rail.settle(PreparedTransaction(network: good.network, hash: good.hash, raw: more)) == expected)
        #expect(try await fixture.rail.settle(PreparedTransaction(network: good.network, hash: "0x00", raw: good.raw)) == expected)
        #expect(try await fixture.rail.settle(PreparedTransaction(network: "eip155:1", hash: good.hash, raw: good.raw)) == expected)
        #expect(try await fixture.rail.settle(PreparedTransaction(network: good.network, hash: good.hash, raw: [1])) == expected)
        #expect(try await fixture.balance(Buyer.payTo) == SandboxRail.faucetUnits)
    }

    @Test("a stranger's signature moves nothing, though its hash is right")
    func strangersSignature() async throws {
        let fixture = try SandboxFixture()
        var draft = Draft()
        draft.signer = Buyer.strangerKey
        let payload = draft.payment.payload
        // As a thief would build it: everything consistent, but for the key.
        let fields = try #require(payload["authorization"].flatMap { TransferAuthorization(json: $0) })
        let domain = try ExactEVM.domain(of: Buyer.requirements)
        let signature = try #require(payload["signature"]?.text.flatMap { Hex.decode($0) })
        let fingerprint = Hex.encode(Keccak256.hash(fields.digest(domain) + signature))
        let stolen = Authorization(
            version: 2, network: "eip155:84532", asset: EVMToken.baseSepoliaUSDC.address, payer: Buyer.key.address.checksummed,
            payTo: Buyer.payTo, atomicAmount: "10000", nonce: draft.nonce, validAfter: Timestamp(milliseconds: 0),
            validBefore: Timestamp(milliseconds: 1_700_000_300_000), fingerprint: fingerprint, payload: payload)
        let transaction = try await fixture.rail.prepare(stolen)
        #expect(try await fixture.rail.settle(transaction) == .failed(.invalidSignature, "The signature is not the payer's."))
        #expect(try await fixture.balance(Buyer.payTo) == SandboxRail.faucetUnits)
    }

    @Test("a transaction survives the process that prepared it")
    func otherProcess() async throws {
        let fixture = try SandboxFixture()
        let transaction = try await fixture.prepare(10_000, nonce: 1)
        // Another rail on the same file has verified nothing, and checks the signature itself.
        let other = SandboxRail(store: fixture.store, time: fixture.world.time)
        #expect(try await other.settle(transaction) == .confirmed)
        #expect(try await fixture.rail.outcome(of: transaction) == .confirmed)
    }

    @Test("faults come by count and end when told")
    func faults() async throws {
        let fixture = try SandboxFixture()
        fixture.rail.inject(SandboxFaults(delay: .seconds(2), failEvery: 2, loseAnswerEvery: 3))
        let transaction = try await fixture.prepare(10_000, nonce: 1)
        let before = fixture.world.time.now()
        #expect(try await fixture.rail.settle(transaction) == .confirmed)
        #expect(fixture.world.time.now() == before + .seconds(2))
        await #expect(throws: NetworkFailure.unreachable) { _ = try await fixture.rail.settle(transaction) }
        await #expect(throws: NetworkFailure.noAnswer) { _ = try await fixture.rail.settle(transaction) }
        fixture.rail.inject(.none)
        #expect(try await fixture.rail.settle(transaction) == .confirmed)
        #expect(try await fixture.balance(Buyer.payTo) == 1_000_010_000)
    }

    @Test("many transfers among few accounts keep every unit", arguments: [1, 2, 3] as [UInt64])
    func conservation(_ seed: UInt64) async throws {
        let fixture = try SandboxFixture(seed: seed)
        let chance = fixture.world.chance
        var keys: [EVMKey] = []
        for number in 1...4 { keys.append(try EVMKey([UInt8](repeating: UInt8(number), count: 32))) }
        for number: UInt64 in 0..<60 {
            let from = keys[chance.below(keys.count)]
            let to = keys[chance.below(keys.count)]
            let held = try await fixture.balance(from.address.checksummed)
            let units = Int64(chance.below(Int(held) + 1))
            let transaction = try await fixture.prepare(units, from: from, to: to.address.checksummed, nonce: number)
            #expect(try await fixture.rail.settle(transaction) == .confirmed)
        }
        #expect(try await fixture.audit() == [])
    }

    @Test("the schema refuses to rewrite what happened, and the audit finds an edited balance")
    func defended() async throws {
        let fixture = try SandboxFixture()
        let transaction = try await fixture.prepare(10_000, nonce: 1)
        _ = try await fixture.rail.settle(transaction)
        let store = fixture.store
        for sql in [
            "DELETE FROM sandbox_transfers", "UPDATE sandbox_transfers SET amount = 1", "DELETE FROM sandbox_accounts",
            "UPDATE sandbox_accounts SET address = 'x'", "UPDATE sandbox_accounts SET balance = -1",
            "INSERT INTO sandbox_accounts (address, balance, created_at) VALUES ('x', 5, 0)",
        ] {
            await #expect(throws: (any Error).self, "\(sql)") { try await store.write { db in try db.run(sql) } }
        }
        try await store.write { db in try db.run("UPDATE sandbox_accounts SET balance = balance + 1") }
        #expect(try await fixture.audit().count == 3)
    }
}
