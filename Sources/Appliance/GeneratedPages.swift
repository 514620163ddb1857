import Kernel
import Web

/// The pages under docs/ that are made from the code. A test refuses stale ones.
package enum GeneratedPages {
    /// File name and text.
    package static func all() throws -> [(name: String, text: String)] {
        [
            ("schema.sql", try Tables.sql()),
            ("errors.md", ErrorsPage.markdown),
            ("configuration.md", ConfigurationPage.markdown()),
            ("openapi.json", OpenAPI.document(version: Appliance.version, server: "http://127.0.0.1:8402").pretty + "\n"),
        ]
    }
}
