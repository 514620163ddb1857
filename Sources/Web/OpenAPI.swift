import Access
import HTTPTypes
import Kernel

/// The OpenAPI 3.1 document, written from the table that serves.
package enum OpenAPI {
    package static func document(version: String, server: String) -> JSON {
        var paths: [String] = []
        var operations: [String: [JSON.Member]] = [:]
        for route in API.routes {
            guard let summary = route.summary else { continue }
            if operations[route.path] == nil { paths.append(route.path) }
            operations[route.path, default: []].append(JSON.Member(route.method.rawValue.lowercased(), operation(route, summary)))
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Till", "version": .string(version), "summary": "A payments appliance for small sellers",
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "servers": [["url": .string(server)]],
            "paths": .object(paths.map { JSON.Member($0, .object(operations[$0] ?? [])) }),
            "components": [
                "schemas": ["Problem": Schema.problem],
                "securitySchemes": [
                    "bearer": ["type": "http", "scheme": "bearer"],
                    "apiKey": ["type": "apiKey", "in": "header", "name": "X-Api-Key"],
                ],
            ],
        ]
    }

    private static func operation(_ route: Route, _ summary: String) -> JSON {
        var members: [JSON.Member] = [JSON.Member("summary", .string(summary)), JSON.Member("operationId", .string(operationID(route)))]
        switch route.door {
        case .key: members.append(JSON.Member("security", [["bearer": []], ["apiKey": []]]))
        case .facilitator: members.append(JSON.Member("security", [[:], ["bearer": []], ["apiKey": []]]))
        case .open, .session: break
        }
        let parameters = pathParameters(route) + route.parameters.map(parameter) + (route.takesIdempotencyKey ? [idempotencyKey] : [])
        if !parameters.isEmpty { members.append(JSON.Member("parameters", .array(parameters))) }
        switch route.carries {
        case .json(let schema), .x402(let schema):
            members.append(JSON.Member("requestBody", ["required": true, "content": ["application/json": ["schema": schema]]]))
        case .nothing, .form: break
        }
        members.append(JSON.Member("responses", .object(route.answers.map(answer) + [JSON.Member("default", problem)])))
        return .object(members)
    }

    private static func operationID(_ route: Route) -> String {
        let words = route.path.split { !$0.isLetter && !$0.isNumber }.map { $0.prefix(1).uppercased() + $0.dropFirst() }
        return route.method.rawValue.lowercased() + words.joined()
    }

    private static func pathParameters(_ route: Route) -> [JSON] {
        route.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { part in
            ["name": .string(String(part.dropFirst().dropLast())), "in": "path", "required": true, "schema": ["type": "string"]]
        }
    }

    private static func parameter(_ parameter: Route.Parameter) -> JSON {
        [
            "name": .string(parameter.name), "in": .string(parameter.place), "required": .bool(parameter.isRequired),
            "description": .string(parameter.what), "schema": parameter.schema,
        ]
    }

    private static let idempotencyKey: JSON = [
        "name": "Idempotency-Key", "in": "header", "required": false, "description": "The caller's name for the request: asking twice acts once",
        "schema": ["type": "string", "pattern": "^[!-~]{1,255}$"],
    ]

    private static func answer(_ answer: Route.Answer) -> JSON.Member {
        let content = answer.content.map { JSON.Member($0.type, ["schema": $0.schema]) }
        return JSON.Member(String(answer.status), ["description": .string(answer.what), "content": .object(content)])
    }

    private static let problem: JSON = [
        "description": "A problem: its code says which (/docs/errors)",
        "content": ["application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]],
    ]
}
