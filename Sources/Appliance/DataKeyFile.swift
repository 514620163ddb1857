import Kernel
import Storage

/// The key that seals secrets: from the settings, or from a file beside the data file.
enum DataKeyFile {
    /// `data/till.sqlite` → `data/till.key`.
    static func path(data: String) -> String { (data.hasSuffix(".sqlite") ? String(data.dropLast(7)) : data) + ".key" }

    /// Reads the key, or makes one for a data file that does not exist yet.
    ///
    /// - Throws: `StoreRefusal` where the data file is there and its key is not: a
    ///   new key would open none of the secrets.
    static func open(_ settings: Settings, world: World) throws -> DataKey {
        if let key = settings.dataKey { return DataKey(key) }
        let path = path(data: settings.data)
        if let text = try world.disk.read(path) {
            let hex = String(decoding: text, as: UTF8.self).filter { !$0.isWhitespace }
            guard let bytes = Hex.decode(hex), bytes.count == 32 else { throw StoreRefusal("\(path) does not hold a key: 64 hexadecimal digits.") }
            return DataKey(Secret(bytes))
        }
        guard try world.disk.read(settings.data) == nil else {
            throw StoreRefusal("The data file \(settings.data) is there and its key \(path) is not. Put the key back, or set data_key.")
        }
        let bytes = world.chance.bytes(32)
        try world.disk.write(Array((Hex.encode(bytes) + "\n").utf8), to: path)
        return DataKey(Secret(bytes))
    }
}
