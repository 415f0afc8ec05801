"""Containers: modules that hold other modules or parameters."""

from reftorch.nn.containers.module_dict import ModuleDict
from reftorch.nn.containers.module_list import ModuleList
from reftorch.nn.containers.parameter_dict import ParameterDict
from reftorch.nn.containers.parameter_list import ParameterList
from reftorch.nn.containers.sequential import Sequential

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]
