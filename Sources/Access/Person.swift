import Crypto
import CryptoExtras
import Foundation
import GRDB
import Kernel
import Storage

/// Someone who signs in to the admin page.
package struct Person: Sendable, Equatable {
    package enum Role: String, Sendable, CaseIterable { case owner, operator_ = "operator", viewer }

    package let id: String
    package let sellerID: String
    package let name: String
    package let role: Role

    /// Shortest password taken. Length is what makes a password hard to guess.
    package static let passwordLengthMin = 15
    /// Longest password taken, so that hashing it is bounded work.
    package static let passwordLengthMax = 200

    package var principal: Principal {
        let scopes: Set<Scope> =
            switch role {
            case .owner: [.admin]
            case .operator_: [.read, .write]
            case .viewer: [.read]
            }
        return Principal(sellerID: sellerID, livemode: false, scopes: scopes, actor: AuditLog.Actor("person:" + id))
    }
}

/// A password as it is kept: scrypt with a salt of its own.
///
/// N = 2¹⁵, r = 8, p = 1: 32 MiB and about a tenth of a second a try (RFC 7914).
/// Computed outside any transaction, since it is slow on purpose.
package struct PasswordHash: Sendable {
    let salt: [UInt8]
    let hash: [UInt8]

    package init(_ password: Secret<String>, salt: [UInt8]) throws {
        self.salt = salt
        let key = try KDF.Scrypt.deriveKey(
            from: Array(password.exposeSecret().utf8), salt: salt, outputByteCount: 32, rounds: 1 << 15, blockSize: 8, parallelism: 1)
        hash = key.withUnsafeBytes { Array($0) }
    }
}

extension Person {
    /// Whether anyone can sign in yet.
    package static func exists(in db: Database) throws -> Bool { try db.row("SELECT 1 FROM people LIMIT 1") != nil }

    package static func find(_ id: String, in db: Database) throws -> Person? {
        try db.row("SELECT * FROM people WHERE id = ?", [id]).flatMap(Person.init(row:))
    }

    /// The salt of a person's password, or one made of the name where nobody has
    /// it: an unknown name takes as long to refuse as a known one.
    package static func salt(of name: String, in db: Database) throws -> [UInt8] {
        if let row = try db.row("SELECT password_salt FROM people WHERE name = ?", [name]) { return [UInt8](row[0] as Data) }
        return SHA256.hash(data: Array(name.utf8)).prefix(16).map { $0 }
    }

    /// The person with this name and password, or nil.
    package static func signIn(_ name: String, _ password: PasswordHash, in db: Database) throws -> Person? {
        guard let row = try db.row("SELECT * FROM people WHERE name = ?", [name]) else { return nil }
        guard equalInConstantTime([UInt8](row["password_hash"] as Data), password.hash) else { return nil }
        return Person(row: row)
    }

    package static func create(
        named name: String, role: Role, password: PasswordHash, sellerID: String, by actor: AuditLog.Actor, world: World, in db: Database
    ) throws -> Person {
        guard try db.row("SELECT 1 FROM people WHERE name = ?", [name]) == nil else {
            throw Problem(.nameTaken, "Somebody signs in with this name already. Choose another.", param: "name")
        }
        let person = Person(id: world.newID(.person), sellerID: sellerID, name: name, role: role)
        let now = world.time.now()
        try db.run(
            "INSERT INTO people (id, seller_id, name, role, password_salt, password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [person.id, sellerID, name, role.rawValue, Data(password.salt), Data(password.hash), now.milliseconds])
        try AuditLog.record("person.created", of: person.id, by: actor, at: now, in: db)
        return person
    }

    private init?(row: Row) {
        guard let role = Role(rawValue: row["role"]) else { return nil }
        self.init(id: row["id"], sellerID: row["seller_id"], name: row["name"], role: role)
    }
}

extension Problem.Code {
    package static let nameTaken = Self("name_taken", .conflict, "The name is taken")
    package static let weakPassword = Self("weak_password", .invalid, "The password is too easy to guess")
    package static let setupCodeInvalid = Self("setup_code_invalid", .forbidden, "The setup code cannot be used")
}
