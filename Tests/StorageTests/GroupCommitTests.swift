import GRDB
import Kernel
import Storage
import Testing

@Suite(.timeLimit(.minutes(2))) struct GroupCommitTests {
    let scratch: Scratch
    let store: Store

    init() throws {
        scratch = try Scratch()
        var options = Store.Options()
        // Never while a test counts what is in the WAL.
        options.checkpointPages = 1_000_000
        store = try scratch.open(options: options)
    }

    /// Runs `writes` while an earlier write holds the writer, so that they wait together.
    ///
    /// - Returns: How each ended, by its number.
    private func together(
        _ count: Int, _ write: @escaping @Sendable (Int, Database) throws -> Void
    ) async throws -> [Int: Result<Void, any Error>] {
        let store = self.store
        let (entered, submitted) = (Tally(), Tally())
        let gate = Task {
            try await store.write { _ in
                entered.set(1)
                submitted.block(until: Int64(count))
            }
        }
        while entered.value == 0 { await Task.yield() }
        let results = await withTaskGroup(of: (Int, Result<Void, any Error>).self) { group in
            for number in 0..<count {
                group.addTask {
                    submitted.add()
                    do {
                        try await store.write { db in try write(number, db) }
                        return (number, .success(()))
                    } catch {
                        return (number, .failure(error))
                    }
                }
            }
            var results: [Int: Result<Void, any Error>] = [:]
            for await (number, result) in group { results[number] = result }
            return results
        }
        try await gate.value
        return results
    }

    @Test func `writes that wait are committed together`() async throws {
        let before = scratch.commitsInWAL()
        let results = try await together(200) { number, db in try Note.add("note \(number)", in: db) }
        let commits = scratch.commitsInWAL() - before
        let count: Int = try await store.read { db in try Note.count(in: db) }
        #expect(results.count == 200)
        #expect(count == 200)
        // One at best; a few more where a task had said that it was coming and had not come yet.
        #expect((1...100).contains(commits), "\(commits) commits for 200 writes")
    }

    @Test func `an error rolls back its own write and no other's`() async throws {
        let results = try await together(90) { number, db in
            try Note.add("note \(number)", in: db)
            if number % 3 == 1 { throw Refused(number: number) }
            if number % 3 == 2 { try db.execute(sql: "INSERT INTO notes (text) VALUES (NULL)") }
        }
        for number in 0..<90 {
            switch (number % 3, results[number]) {
            case (0, .success): break
            case (1, .failure(let error as Refused)): #expect(error.number == number)
            case (2, .failure(let error as DatabaseError)): #expect(error.resultCode == .SQLITE_CONSTRAINT)
            case (_, let result): Issue.record("write \(number) ended with \(String(describing: result))")
            }
        }
        let texts: [String] = try await store.read { db in try Note.texts(in: db) }
        let expected: Set<String> = Set((0..<30).map { "note \($0 * 3)" })
        #expect(Set(texts) == expected)
        #expect(texts.count == 30)
    }

    @Test func `a thousand writes at once are all there, one after the other`() async throws {
        let store = self.store
        let seen = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<1_000 {
                group.addTask {
                    try await store.write { db in
                        try Note.add("note \(number)", in: db)
                        return try Note.count(in: db)
                    }
                }
            }
            var seen: [Int] = []
            for try await count in group { seen.append(count) }
            return seen
        }
        // Each saw those before it, and none at the same time.
        #expect(seen.sorted() == Array(1...1_000))
        let distinct: Int? = try await store.read { db in try Int.fetchOne(db, sql: "SELECT count(DISTINCT text) FROM notes") }
        #expect(distinct == 1_000)
    }

    @Test func `one caller's writes keep their order, and each is read back once it has returned`() async throws {
        for number in 0..<50 {
            let id: Int64 = try await store.write { db in
                try Note.add("note \(number)", in: db)
                return db.lastInsertedRowID
            }
            let text: String? = try await store.read { db in try db.row("SELECT text FROM notes WHERE id = ?", [id])?[0] }
            #expect(text == "note \(number)")
        }
        let texts: [String] = try await store.read { db in try Note.texts(in: db) }
        #expect(texts == (0..<50).map { "note \($0)" })
    }

    @Test func `nobody is answered before the commit`() async throws {
        let before = scratch.commitsInWAL()
        try await store.write { db in try Note.add("committed", in: db) }
        #expect(scratch.commitsInWAL() == before + 1)
    }

    @Test func `a write that rolls back by hand is an error, and the next goes on`() async throws {
        await #expect(throws: (any Error).self) {
            try await store.write { db in
                try Note.add("gone", in: db)
                try db.execute(sql: "ROLLBACK")
            }
        }
        try await store.write { db in try Note.add("kept", in: db) }
        let texts: [String] = try await store.read { db in try Note.texts(in: db) }
        #expect(texts == ["kept"])
    }

    /// The error is made by hand here; the torture tests make the disk say it.
    @Test func `after a failed fsync nothing is written any more, and reads go on`() async throws {
        let store = self.store
        try await store.write { db in try Note.add("before", in: db) }
        #expect(store.stopped == nil)
        let failure = await #expect(throws: StoreFailure.self) {
            try await store.write { (_: Database) -> Void in throw DatabaseError(resultCode: .SQLITE_IOERR_FSYNC, message: "disk I/O error") }
        }
        guard case .stopped = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(store.stopped?.contains("fsync") == true)
        for _ in 0..<3 {
            let refused = await #expect(throws: StoreFailure.self) { try await store.write { db in try Note.add("after", in: db) } }
            guard case .stopped = refused else {
                Issue.record("\(String(describing: refused))")
                return
            }
        }
        let texts: [String] = try await store.read { db in try Note.texts(in: db) }
        #expect(texts == ["before"])
    }

    /// What a database error means to the caller.
    struct Meaning: Sendable, CustomTestStringConvertible {
        let code: ResultCode
        let word: String
        var testDescription: String { "\(code)" }
        init(_ code: ResultCode, _ word: String) {
            self.code = code
            self.word = word
        }
    }

    static let meanings: [Meaning] = [
        Meaning(.SQLITE_FULL, "diskFull"),
        Meaning(.SQLITE_IOERR, "unknownCommit"),
        Meaning(.SQLITE_IOERR_WRITE, "unknownCommit"),
        Meaning(.SQLITE_CORRUPT, "unknownCommit"),
        Meaning(.SQLITE_READONLY, "unknownCommit"),
        Meaning(.SQLITE_CANTOPEN, "unknownCommit"),
        Meaning(.SQLITE_IOERR_FSYNC, "stopped"),
        Meaning(.SQLITE_IOERR_DIR_FSYNC, "stopped"),
    ]

    @Test("what SQLite says is told apart by what to do about it", arguments: meanings)
    func meaning(_ line: Meaning) async throws {
        let code = line.code
        let failure = await #expect(throws: StoreFailure.self) {
            try await store.write { (_: Database) -> Void in throw DatabaseError(resultCode: code) }
        }
        #expect(String(describing: failure).contains(line.word))
        #expect((store.stopped != nil) == (line.word == "stopped"))
    }
}
