"""Import contracts of ours that import-linter has no type for; named in pyproject.toml."""

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OwnTablesOnly(Contract):
    """Each module of `services` imports its own tables in `data` and no other module's.

    One contract for all modules: unlike a `forbidden` contract a module it holds for tables that
    are written later, without a line of configuration.
    """

    modules = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 - the signature is import-linter's
        """Find every direct import of a foreign module's tables."""
        names: list[str] = list(self.modules)  # type: ignore[call-overload]
        found = [
            f"{importer} imports {imported}, the tables of {foreign}"
            for module in names
            for importer in _family(graph, f"services.{module}")
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            for foreign in names
            if foreign != module and _within(imported, f"data.{foreign}")
        ]
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Say who reached into whose tables, one line each."""
        for line in check.metadata["found"]:
            output.print_error(line)


class Strangers(Contract):
    """Emulators stand for somebody else's system: they import each other at most, not us."""

    folder = fields.StringField()
    ours = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 - the signature is import-linter's
        """Find every direct import of our code from the folder, its own siblings included."""
        folder = str(self.folder)
        roots: list[str] = list(self.ours)  # type: ignore[call-overload]
        found = [
            f"{importer} imports {imported}: it would test us against ourselves"
            for importer in _family(graph, folder)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if imported.split(".")[0] in roots and not _within(imported, folder)
        ]
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Say which emulator knows too much, one line each."""
        for line in check.metadata["found"]:
            output.print_error(line)


def _family(graph: ImportGraph, package: str) -> list[str]:
    return sorted(name for name in graph.modules if _within(name, package))


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")
