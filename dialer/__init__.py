"""The roof: settings, addresses, processes, the embedded servers and the simulator. Imported by nobody below."""
