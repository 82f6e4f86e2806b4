// swift-tools-version: 6.2
import PackageDescription

// The layers: a target imports only targets above it.
let package = Package(
  name: "gauntlet",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "History", targets: ["History"])
  ],
  targets: [
    .target(name: "Blocking"),
    .target(name: "History", dependencies: ["Blocking"]),
  ],
  swiftLanguageModes: [.v6]
)
