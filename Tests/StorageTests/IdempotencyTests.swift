import Foundation
import GRDB
import Kernel
import Simulation
import Storage
import Testing

@Suite struct IdempotencyTests {
    static let body = Array(#"{"title":"Coffee"}"#.utf8)
    static let dataKey = DataKey(Secret([UInt8](0..<32)))

    let scratch: Scratch
    let store: Store
    let world: World

    init() throws {
        scratch = try Scratch()
        store = try scratch.open()
        world = World.simulated(seed: 1).world
    }

    static func claim(
        owner: String = "sel_1/test", route: String = "POST /v1/links", key: String = "k1", body: [UInt8] = IdempotencyTests.body
    ) -> IdempotencyClaim {
        IdempotencyClaim(owner: owner, route: route, key: key, body: body)
    }

    /// Writes a note and answers with its text.
    private func ask(
        _ claim: IdempotencyClaim?, _ text: String, status: Int = 201, sealedBy key: DataKey = IdempotencyTests.dataKey
    ) async throws -> StoredAnswer {
        try await store.write(once: claim, sealedBy: key, world: world) { db in
            try Note.add(text, in: db)
            return StoredAnswer(status: status, body: Array(text.utf8))
        }
    }

    private func notes() async throws -> [String] { try await store.read { db in try Note.texts(in: db) } }

    @Test func `asking twice acts once and answers the same`() async throws {
        let first = try await ask(Self.claim(), "first")
        let second = try await ask(Self.claim(), "second")
        #expect(first == StoredAnswer(status: 201, body: Array("first".utf8)))
        #expect(second == StoredAnswer(status: 201, body: Array("first".utf8), isReplay: true))
        let texts = try await notes()
        #expect(texts == ["first"])
    }

    @Test func `another body with the same key is refused`() async throws {
        _ = try await ask(Self.claim(), "first")
        let problem = await #expect(throws: Problem.self) { try await ask(Self.claim(body: Self.body + [0x20]), "second") }
        #expect(problem?.code == .idempotencyKeyReused)
        let texts = try await notes()
        #expect(texts == ["first"])
    }

    @Test func `another owner, mode, route or key is another request`() async throws {
        let claims: [IdempotencyClaim] = [
            Self.claim(), Self.claim(owner: "sel_2/test"), Self.claim(owner: "sel_1/live"), Self.claim(route: "POST /v1/products"),
            Self.claim(key: "k2"),
        ]
        for claim in claims {
            let answer = try await ask(claim, "note")
            #expect(!answer.isReplay)
        }
        let texts = try await notes()
        #expect(texts.count == claims.count)
    }

    @Test func `without a key every request acts`() async throws {
        for _ in 0..<2 { _ = try await ask(nil, "note") }
        let texts = try await notes()
        #expect(texts == ["note", "note"])
    }

    @Test func `a refusal is not stored, and the mended request may use the key`() async throws {
        let refusal = Problem(.invalidField, "title must be text.", param: "title")
        let problem = await #expect(throws: Problem.self) {
            try await store.write(once: Self.claim(), sealedBy: Self.dataKey, world: world) { db in
                try Note.add("rolled back", in: db)
                throw refusal
            }
        }
        #expect(problem == refusal)
        let answer = try await ask(Self.claim(body: [0x7b, 0x7d]), "mended")
        #expect(!answer.isReplay)
        let texts = try await notes()
        #expect(texts == ["mended"])
    }

    @Test func `where the answer cannot be stored the effect is gone too`() async throws {
        await #expect(throws: DatabaseError.self) { try await ask(Self.claim(), "effect", status: 500) }
        let texts = try await notes()
        #expect(texts == [])
    }

    @Test(.timeLimit(.minutes(1))) func `the same key many times at once acts once`() async throws {
        let (store, world) = (self.store, self.world)
        let answers = try await withThrowingTaskGroup(of: StoredAnswer.self) { group in
            for number in 0..<50 {
                group.addTask {
                    try await store.write(once: Self.claim(), sealedBy: Self.dataKey, world: world) { db in
                        try Note.add("note", in: db)
                        return StoredAnswer(status: 201, body: Array("answer \(number)".utf8))
                    }
                }
            }
            var answers: [StoredAnswer] = []
            for try await answer in group { answers.append(answer) }
            return answers
        }
        #expect(answers.count == 50)
        #expect(answers.filter { !$0.isReplay }.count == 1)
        #expect(Set(answers.map(\.body)).count == 1)
        let texts = try await notes()
        #expect(texts == ["note"])
    }

    @Test func `the answer is sealed in the file`() async throws {
        let shown = "sk_test_shown_once"
        _ = try await store.write(once: Self.claim(), sealedBy: Self.dataKey, world: world) { db in
            try Note.add("seen in the file", in: db)
            return StoredAnswer(status: 201, body: Array(shown.utf8))
        }
        #expect(scratch.holds("seen in the file"))
        #expect(!scratch.holds(shown))
        try await store.close()
        #expect(scratch.holds("seen in the file"))
        #expect(!scratch.holds(shown))
    }

    @Test func `another data key does not open it`() async throws {
        _ = try await ask(Self.claim(), "first")
        let other = DataKey(Secret([UInt8](1..<33)))
        await #expect(throws: (any Error).self) { try await ask(Self.claim(), "second", sealedBy: other) }
        let texts = try await notes()
        #expect(texts == ["first"])
    }

    @Test func `an answer moved to another key does not open`() async throws {
        _ = try await ask(Self.claim(), "first")
        try await store.write { db in try db.execute(sql: "UPDATE idempotency_keys SET key = 'k2'") }
        await #expect(throws: (any Error).self) { try await ask(Self.claim(key: "k2"), "second") }
    }
}
