import Foundation
import GRDB
import Kernel
import Storage

/// A shop on this machine. The usual install has one.
package struct Seller: Sendable, Equatable {
    package let id: String
    package let name: String

    /// The seller this install was made for, or nil before the first start.
    package static func first(in db: Database) throws -> Seller? {
        try db.row("SELECT id, name FROM sellers ORDER BY id LIMIT 1").map { Seller(id: $0[0], name: $0[1]) }
    }

    package static func find(_ id: String, in db: Database) throws -> Seller? {
        try db.row("SELECT id, name FROM sellers WHERE id = ?", [id]).map { Seller(id: $0[0], name: $0[1]) }
    }

    /// Creates a seller with its sandbox address.
    ///
    /// - Parameter sandboxKey: The address's private key, already sealed under the data key.
    package static func create(
        named name: String, sandboxNetwork: String, sandboxAddress: String, sandboxKey: [UInt8], world: World, in db: Database
    ) throws -> Seller {
        let seller = Seller(id: world.newID(.seller), name: name)
        let now = world.time.now()
        try db.run(
            "INSERT INTO sellers (id, name, sandbox_key, created_at) VALUES (?, ?, ?, ?)",
            [seller.id, name, Data(sandboxKey), now])
        try db.run(
            "INSERT INTO receiving_addresses (seller_id, livemode, network, address) VALUES (?, 0, ?, ?)",
            [seller.id, sandboxNetwork, sandboxAddress])
        try AuditLog.record("seller.created", of: seller.id, by: .till, at: now, in: db)
        return seller
    }

    /// Takes over a new name from the settings.
    package static func rename(_ id: String, to name: String, in db: Database) throws {
        try db.run("UPDATE sellers SET name = ? WHERE id = ? AND name <> ?", [name, id, name])
    }

    /// Where this seller's money goes on `network`, or nil where the network is not offered.
    package static func receivingAddress(of id: String, livemode: Bool, network: String, in db: Database) throws -> String? {
        try db.row(
            "SELECT address FROM receiving_addresses WHERE seller_id = ? AND livemode = ? AND network = ?", [id, livemode, network])?[0]
    }
}
